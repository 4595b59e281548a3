// Attention as ONNX Runtime's users write it, in three ways.
//
//   graph   MatMul, Softmax, MatMul, with an added mask where causal
//   mha     com.microsoft MultiHeadAttention
//   gqa     com.microsoft GroupQueryAttention, the operation of language models in browsers; always causal

import { constant, elementTypes, model, node, port } from "./onnx_writer.mjs";

const { float, int32 } = elementTypes;
const microsoft = "com.microsoft";

/** An operator with packed heads: (1, n, heads * headDim). */
function fused(operation, { n, heads, headDim }, { inputs = [], outputs = [], extra = [], attributes }) {
  const dimensions = [1, n, heads * headDim];
  const names = ["o", ...outputs.map(([name]) => name)];
  return model({
    nodes: [node(operation, ["q", "k", "v", ...extra], names, { attributes, domain: microsoft })],
    inputs: [...["q", "k", "v"].map((name) => port(name, float, dimensions)), ...inputs],
    outputs: [port("o", float, dimensions), ...outputs.map(([name, sizes]) => port(name, float, sizes))],
  });
}

function plainGraph({ n, heads, headDim, causal }) {
  const dimensions = [1, heads, n, headDim];
  const scores = causal ? "masked" : "scores";
  return model({
    nodes: [
      node("Transpose", ["k"], ["kt"], { attributes: { perm: [0, 1, 3, 2] } }),
      node("Mul", ["q", "scale"], ["scaled"]),
      node("MatMul", ["scaled", "kt"], ["scores"]),
      ...(causal ? [node("Add", ["scores", "mask"], ["masked"])] : []),
      node("Softmax", [scores], ["weights"], { attributes: { axis: -1 } }),
      node("MatMul", ["weights", "v"], ["o"]),
    ],
    constants: [constant("scale", [1], new Float32Array([1 / Math.sqrt(headDim)]))],
    inputs: [
      ...["q", "k", "v"].map((name) => port(name, float, dimensions)),
      ...(causal ? [port("mask", float, [1, 1, n, n])] : []),
    ],
    outputs: [port("o", float, dimensions)],
  });
}

const models = {
  graph: plainGraph,
  mha: (shape) =>
    fused("MultiHeadAttention", shape, {
      attributes: { num_heads: shape.heads, ...(shape.causal ? { unidirectional: 1 } : {}) },
    }),
  gqa: (shape) => {
    const cache = [1, shape.heads, shape.n, shape.headDim];
    return fused("GroupQueryAttention", shape, {
      attributes: { num_heads: shape.heads, kv_num_heads: shape.heads },
      extra: ["", "", "last", "total"],
      inputs: [port("last", int32, [1]), port("total", int32, [])],
      outputs: [
        ["keys", cache],
        ["values", cache],
      ],
    });
  },
};

/** Which layout each way takes. */
export const layouts = { graph: "head-major", mha: "token-major", gqa: "token-major" };

export const attentionModel = (way, shape) => models[way](shape);
