// Writes qkv/tokens.json: the text of each of the 2048 tokens whose attention inputs lie beside it, so that the heat
// map can name the words that attend to each other (origin and licence: see make-qkv.mjs). Needs
// @huggingface/tokenizers:
//
//   node web/lab/assets/make-tokens.mjs tokenizer.json tokenizer_config.json austen-persuasion.txt
//
// The list is rebuilt from the novel, from "Sir Walter Elliot" on, and is checked: glued together it is the text again.
import { readFileSync, writeFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const count = 2048;
const [tokenizerFile, configFile, textFile] = process.argv.slice(2);
const tokenizer = new Tokenizer(
  JSON.parse(readFileSync(tokenizerFile, "utf8")),
  JSON.parse(readFileSync(configFile, "utf8")),
);
const novel = readFileSync(textFile, "utf8");
const text = novel.slice(novel.indexOf("Sir Walter Elliot"), novel.indexOf("Sir Walter Elliot") + 20 * count);

const ids = tokenizer.encode(text, { add_special_tokens: false }).ids.slice(0, count - 1);
const pieces = ids.map((id) => tokenizer.decode([id], { clean_up_tokenization_spaces: false }));
if (!text.startsWith(pieces.join(""))) throw new Error("the pieces do not add up to the text");
writeFileSync(new URL("qkv/tokens.json", import.meta.url), `${JSON.stringify(["<s>", ...pieces])}\n`);
console.log(`${pieces.length + 1} tokens, ${pieces.join("").length} characters`);
