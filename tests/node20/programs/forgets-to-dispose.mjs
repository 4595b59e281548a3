// Uses both entries and disposes nothing: the process must end nevertheless.
import { create } from "heed";
import { create as createSync } from "heed/sync";

const heed = await create();
const sync = await createSync({ threads: 2 });
const { indices } = await heed.selectTopK(Float32Array.of(1, 2), 1);
console.log(indices[0], sync.info.threads);
