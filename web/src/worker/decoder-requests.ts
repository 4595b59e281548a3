/** The requests that concern decoders, and what the worker does about each. */
import type { MaskOperand } from "../check/arrays.js";
import type { GeneratePlan, RunPlan } from "../check/decoder.js";
import type { AttentionProfile, DecoderInfo, GeneratedToken, TextScore } from "../decoder-results.js";
import { HeedError } from "../errors.js";
import type { WeightSlice } from "../model/stream-weights.js";
import type { DecoderPlan } from "../operations/decoder-plan.js";
import type { StoredDecoder } from "../operations/decoder.js";
import type { Decoders, TextFiles } from "../operations/decoders.js";
import { prepareProfile, prepareTextScore } from "../operations/generation.js";
import { singleOperation, type Operation } from "../operations/operation.js";
import type { Modules } from "../runtime/modules.js";

/** Arguments of a call on a decoder, which goes by the number that the worker gave it. */
export type OnDecoder<Plan = unknown> = Plan & { decoder: number };

/** A slice as it is posted. */
export type PostedSlice = Omit<WeightSlice, "bytes" | "scales"> & {
  bytes: MaskOperand;
  scales: MaskOperand | undefined;
};

/** One line per request, with its arguments and its reply. */
export interface DecoderRequests {
  decoderCreate: {
    args: { plan: DecoderPlan; text: TextFiles | undefined };
    reply: { decoder: number; info: DecoderInfo };
  };
  decoderWrite: { args: OnDecoder<PostedSlice>; reply: true };
  decoderComplete: { args: OnDecoder; reply: true };
  decoderDispose: { args: OnDecoder; reply: true };
  /** The reply names the continuation in later calls. */
  decoderBegin: { args: OnDecoder<{ plan: GeneratePlan }>; reply: number };
  decoderNext: { args: { generation: number }; reply: GeneratedToken };
  decoderEnd: { args: { generation: number }; reply: true };
  decoderScore: { args: OnDecoder<{ plan: RunPlan }>; reply: TextScore };
  decoderProfile: { args: OnDecoder<{ plan: RunPlan }>; reply: AttentionProfile };
  decoderEncode: { args: OnDecoder<{ text: string; bos?: boolean }>; reply: Uint32Array };
  decoderDecode: { args: OnDecoder<{ ids: number[] }>; reply: string };
}
export type DecoderRequestName = keyof DecoderRequests;

type Prepare<Name extends DecoderRequestName> = (
  decoders: Decoders,
  args: DecoderRequests[Name]["args"],
  modules: Modules,
) => Operation<DecoderRequests[Name]["reply"]>;

/** Something short on a decoder that is there. */
function on<Result>(decoder: StoredDecoder, work: () => Result): Operation<Result> {
  return singleOperation(decoder.runtime, work);
}

function done(decoder: StoredDecoder, work: () => void): Operation<true> {
  return on(decoder, () => {
    work();
    return true as const;
  });
}

/** @throws {HeedError} `unsupported` */
function textOf({ text }: StoredDecoder): NonNullable<StoredDecoder["text"]> {
  if (text) return text;
  throw new HeedError("unsupported", "the decoder was loaded without a tokenizer; load it with one");
}

export const prepareDecoder: { [Name in DecoderRequestName]: Prepare<Name> } = {
  decoderCreate: (decoders, { plan, text }, modules) => {
    const runtime = modules.beside("model");
    return singleOperation(runtime, () => {
      const decoder = decoders.create(runtime, plan, text);
      return { decoder, info: decoders.get(decoder).info };
    });
  },
  decoderWrite: (decoders, { decoder, bytes, scales, ...slice }) =>
    done(decoders.get(decoder), () => {
      const u8 = (operand: MaskOperand) => operand.data as Uint8Array;
      decoders.get(decoder).write({ ...slice, bytes: u8(bytes), scales: scales && u8(scales) });
    }),
  decoderComplete: (decoders, { decoder }) => done(decoders.get(decoder), () => decoders.get(decoder).complete()),
  decoderDispose: (decoders, { decoder }) => done(decoders.get(decoder), () => decoders.dispose(decoder)),
  decoderBegin: (decoders, { decoder, plan }) => on(decoders.get(decoder), () => decoders.begin(decoder, plan)),
  decoderNext: (decoders, { generation }) => decoders.generation(generation).prepareNext(),
  decoderEnd: (decoders, { generation }, modules) =>
    singleOperation(modules.core, () => {
      decoders.end(generation);
      return true as const;
    }),
  decoderScore: (decoders, { decoder, plan }) => prepareTextScore(decoders.get(decoder), plan),
  decoderProfile: (decoders, { decoder, plan }) => prepareProfile(decoders.get(decoder), plan),
  decoderEncode: (decoders, { decoder, text, bos }) =>
    on(decoders.get(decoder), () => textOf(decoders.get(decoder)).encode(text, bos)),
  decoderDecode: (decoders, { decoder, ids }) =>
    on(decoders.get(decoder), () => textOf(decoders.get(decoder)).decode(ids)),
};

/** Whether a request is one of these. */
export function isDecoderRequest(name: string): name is DecoderRequestName {
  return Object.hasOwn(prepareDecoder, name);
}
