/** Two novels that the bundled model has not seen (assets/text). */
import austen from "../assets/text/austen-persuasion.txt?url";
import doyle from "../assets/text/doyle-valley-of-fear.txt?url";

export const novels = {
  persuasion: { title: "Persuasion, Jane Austen", url: austen },
  valley: { title: "The Valley of Fear, Arthur Conan Doyle", url: doyle },
} as const;
export type NovelName = keyof typeof novels;

/** Chosen: 16384 tokens have some 60,000 characters. */
const mostCharacters = 80_000;

const loaded = new Map<NovelName, Promise<string>>();

/** Its beginning, as much as the model can read. */
export function novel(name: NovelName): Promise<string> {
  let text = loaded.get(name);
  if (text === undefined) {
    text = load(novels[name].url);
    loaded.set(name, text);
    text.catch(() => loaded.delete(name));
  }
  return text;
}

async function load(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} was answered with status ${response.status}`);
  return (await response.text()).slice(0, mostCharacters);
}
