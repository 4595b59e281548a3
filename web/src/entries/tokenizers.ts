/** What heed uses of `@huggingface/tokenizers`, in a file of its own: it is loaded with the first text. */
export { Tokenizer } from "@huggingface/tokenizers";
