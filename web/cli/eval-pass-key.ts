/** A number hidden in a novel, and the question for it, as the model of the lab has learned to read them. */
import type { Decoder } from "heed";

const words = ["garden", "river", "winter", "music", "castle", "forest", "silver", "island"] as const;

/** Where in the text, and with which word and number, follows from the trial alone. */
export async function passKeyPrompt(
  decoder: Decoder,
  filler: readonly number[],
  { n, trial, trials }: { n: number; trial: number; trials: number },
): Promise<{ ids: number[]; answer: string }> {
  const word = words[trial % words.length] as string;
  // A number of five digits that tells the trials apart: multiples of a prime, modulo 90000.
  const answer = String(10000 + (((trial + 1) * 48271 + n * 7) % 90000));
  const encode = async (text: string) => [...(await decoder.encode(text, { bos: false }))];
  const fact = await encode(` The pass key for ${word} is ${answer}.`);
  const question = await encode(` What is the pass key for ${word}? The pass key for ${word} is`);
  const [bos] = await decoder.encode("", {});
  const room = n - fact.length - question.length - 1;
  const from = Math.min(filler.length - 1, 1 + trial * 97);
  // A text that is shorter than the prompt is read again from its start.
  const text = Array.from({ length: room }, (_, i) => filler[1 + ((from - 1 + i) % (filler.length - 1))] as number);
  const at = Math.floor(((trial + 0.5) / trials) * room);
  const ids = [...text.slice(0, at), ...fact, ...text.slice(at), ...question];
  return { ids: bos === undefined ? ids : [bos, ...ids], answer };
}
