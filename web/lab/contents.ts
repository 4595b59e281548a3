/**
 * The pages of the lab in reading order. Each is a notebook, `notebooks/<name>.html`, and has an address of its own,
 * `<name>.html`; the first is also what opens without a name. Adding one is a file there and an entry here.
 */
export interface Entry {
  name: string;
  /** As in the notebook's file. */
  title: string;
  /** One sentence: what a reader finds out. */
  summary: string;
  /** Computes with the language model, which is loaded when the reader asks for it. */
  model?: true;
}

export const contents: readonly Entry[] = [
  {
    name: "how-sparse-is-attention",
    title: "How sparse is attention?",
    summary: "Real attention of a small language model, cut down to its largest entries: what is lost.",
  },
  {
    name: "three-ways-to-collapse",
    title: "Three ways to collapse",
    summary: "Spread thin, looking at itself, frozen on a few: what happens to attention in long texts.",
  },
  {
    name: "how-many-entries-are-enough",
    title: "How many entries are enough?",
    summary: "A constant, ln n or a power of n: which of them approximates a row, and in what sense.",
  },
  {
    name: "fixed-or-growing-window",
    title: "A fixed or a growing window?",
    summary: "64 entries or α n^C at the same cost: who wins, and how to calibrate α and C.",
  },
  {
    name: "r-of-a-model",
    title: "R of a model",
    summary: "Drop a model's file and see how large each head's weights are, and what that tells.",
  },
  {
    name: "when-assumptions-break",
    title: "When assumptions break",
    summary: "Neighbors alike, heavy tails, sinks: what is left of the theory on inputs that are no noise.",
  },
  {
    name: "finding-the-few",
    title: "Finding the few",
    summary: "Bytes, pages, hashes: how the largest entries are found, and what can be promised.",
  },
  {
    name: "a-model-on-your-device",
    title: "A model on your device",
    summary: "A language model reads and writes in this page, and you decide how it attends.",
    model: true,
  },
  {
    name: "what-attention-costs-a-model",
    title: "What attention costs a model",
    summary: "Loss and pass keys from 1024 to 16384 tokens, under every policy at equal cost.",
    model: true,
  },
];

/** A page that is no notebook: it measures, and has a document of its own. */
export const benchmark: Entry = {
  name: "benchmark",
  title: "How fast is it here?",
  summary: "heed measured on your machine, beside plain JavaScript and other libraries, with the error of each.",
};

/** The address of a page, relative to any other. */
export function addressOf(name: string): string {
  return name === contents[0]!.name ? "./" : `./${name}.html`;
}
