/** What the page of the model is made of; loaded by the notebooks that ask for it. */
import type { Heed } from "../framework/library.js";
import { ModelRun } from "./model-run.js";
import { ModelSource } from "./model-source.js";
import { ModelWriter } from "./model-writer.js";
import { PassKeyHunt } from "./pass-key-hunt.js";
import { PolicyPair } from "./policy-pair.js";
import { SparsityMap } from "./sparsity-map.js";

// By name and here: the package says that its modules have no side effects, so a bundler drops imports for effect
// alone.
customElements.define("sparsity-map", SparsityMap);
customElements.define("model-run", ModelRun);
customElements.define("model-source", ModelSource);
customElements.define("policy-pair", PolicyPair);
customElements.define("model-writer", ModelWriter);
customElements.define("pass-key-hunt", PassKeyHunt);

/** Where a notebook gets its model from; `model` is undefined until the reader has loaded one. */
export function modelSource(heed: Heed, invalidation: Promise<unknown>): ModelSource {
  return new ModelSource(heed, invalidation);
}

export function policyPair(): PolicyPair {
  return new PolicyPair();
}

interface Parts {
  source: ModelSource;
  policies: PolicyPair;
  invalidation: Promise<unknown>;
}

export function modelWriter({ source, policies, invalidation }: Parts): ModelWriter {
  return new ModelWriter(source, policies, invalidation);
}

export function passKeyHunt({ source, policies, invalidation }: Parts): PassKeyHunt {
  return new PassKeyHunt(source, policies, invalidation);
}
