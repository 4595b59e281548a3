/** What `fn` gives for every item, in the items' order, so many at a time. */
export async function eachOf(items, jobs, fn) {
  const waiting = [...items.entries()];
  const results = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [place, item] = next;
      results[place] = await fn(item);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}
