/** `heed/safetensors`: tensors from files, in slices. It needs no module, and is the same in browsers and in Node. */
export { byteSource, type ByteSource } from "../model/byte-source.js";
export { openSharded, openSingle, type Checkpoint, type OpenFile } from "../model/checkpoint.js";
export { openSafetensors, type Safetensors } from "../model/safetensors.js";
export type { TensorEntry, TensorType } from "../model/safetensors-header.js";
export { widenBfloat, widenHalf } from "../model/widen.js";
