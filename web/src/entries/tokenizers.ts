/** What heed uses of `@huggingface/tokenizers`, in a file of its own: it is loaded with the first text. */
import { Tokenizer } from "@huggingface/tokenizers";

import { keepExport } from "../platforms/import-copied.js";

const library = { Tokenizer };
keepExport("tokenizers.mjs", library);

export default library;
