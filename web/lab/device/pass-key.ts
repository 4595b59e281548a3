/**
 * A number hidden in a text, and the question for it, in the words that the bundled model has learned them in: "The
 * pass key for WORD is DDDDD."
 */
export interface PassKey {
  /** Tokens of the whole prompt. */
  n: number;
  /** Where the sentence stands: 0 at the beginning, 1 just before the question. */
  depth: number;
  word: string;
  key: string;
}

/** Words of the training sentences. */
export const knownWords = ["garden", "river", "winter", "music", "castle", "forest", "silver", "island"] as const;

export interface Encoder {
  encode(text: string, options?: { bos?: boolean }): Promise<Uint32Array>;
}

/**
 * Ids of the prompt. `filler` are ids of a text without a special token at its start; it is read again from there when
 * it is too short.
 *
 * @throws when n leaves no room
 */
export async function passKeyPrompt(
  model: Encoder,
  filler: ArrayLike<number>,
  { n, depth, word, key }: PassKey,
): Promise<number[]> {
  const plain = async (text: string): Promise<number[]> => [...(await model.encode(text, { bos: false }))];
  const fact = await plain(` The pass key for ${word} is ${key}.`);
  const question = await plain(` What is the pass key for ${word}? The pass key for ${word} is`);
  const begin = [...(await model.encode("", {}))];
  const room = n - begin.length - fact.length - question.length;
  if (room < 0) throw new Error(`${n} tokens have no room for the sentence and the question, ${n - room} tokens`);
  const text = Array.from({ length: room }, (_, i) => filler[i % filler.length]!);
  const at = Math.round(depth * room);
  return [...begin, ...text.slice(0, at), ...fact, ...text.slice(at), ...question];
}

/** Whether what the model said begins with the number. */
export function isAnswer(said: string, key: string): boolean {
  return said.replace(/\D/g, "").startsWith(key.replace(/\D/g, ""));
}
