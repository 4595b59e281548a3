// heed's decoder through heed/sync, on the model of the lab: a prompt, then tokens one by one.

export async function open({ entry, variant, threads, folder, text, characters, tokens, attention }) {
  const { create } = await import(entry);
  const heed = await create({ variant, threads });
  const file = (name) => new URL(folder + name, globalThis.location.href);
  const decoder = await heed.Decoder.load({
    config: file("config.json"),
    weights: file("model.safetensors.index.json"),
    tokenizer: file("tokenizer.json"),
    tokenizerConfig: file("tokenizer_config.json"),
  });
  const prompt = decoder.encode((await (await fetch(text)).text()).slice(0, characters));
  let measured = false;
  return {
    info: heed.info,
    /** A later call continues the same prompt, which is still in the cache. */
    async measure() {
      const told = [...decoder.generate(prompt, { attention, tokens: tokens + 1, stop: [] })];
      const prefill = measured ? undefined : { tokens: prompt.length, milliseconds: told[0].ms };
      measured = true;
      const each = told.slice(1).reduce((sum, { ms }) => sum + ms, 0) / tokens;
      return { prefill, each, said: told.map((token) => token.text).join("") };
    },
    close: () => heed.dispose(),
  };
}
