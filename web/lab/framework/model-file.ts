/**
 * Models that a reader drops: .safetensors of the Llama architecture, one or several with their index, and config.json
 * where there is one. Files are read by slices; nothing of them leaves the page.
 */
import { byteSource, openSharded, openSingle } from "heed/safetensors";
import exampleConfig from "../assets/heads/config.json";
import exampleUrl from "../assets/heads/tiny-llama-16k.safetensors?url";
import { describeModel, type ModelFile, type OpenOptions } from "./model-shape.js";

/** @throws when no file holds q_proj and k_proj of a layer, or the shapes do not fit */
export async function openModel(files: readonly File[], options: OpenOptions = {}): Promise<ModelFile> {
  const named = new Map(files.map((file) => [file.name, file]));
  const index = files.find(({ name }) => name.endsWith(".safetensors.index.json"));
  const weights = files.filter(({ name }) => name.endsWith(".safetensors"));
  const first = weights[0];
  if (first === undefined) throw new Error("there is no .safetensors file among what was dropped");
  const checkpoint =
    index === undefined
      ? await openSingle(byteSource(first.name, first))
      : await openSharded(byteSource(index.name, index), (name) => {
          const file = named.get(name);
          if (file === undefined) return Promise.reject(new Error(`${name} is in the index but was not dropped`));
          return Promise.resolve(byteSource(name, file));
        });
  const config = files.find(({ name }) => name === "config.json");
  return describeModel(
    index?.name ?? first.name,
    checkpoint,
    config && (JSON.parse(await config.text()) as unknown),
    options,
  );
}

/** Three layers of the small model whose rows the other notebooks show. */
export async function exampleModel(): Promise<ModelFile> {
  const answer = await fetch(exampleUrl);
  if (!answer.ok) throw new Error(`${exampleUrl} answered ${answer.status} ${answer.statusText}`);
  const checkpoint = await openSingle(byteSource("heads.safetensors", await answer.arrayBuffer()));
  return describeModel("tiny-llama-16k, layers 0, 3 and 6", checkpoint, exampleConfig, {});
}
