// MatMul, Softmax, MatMul as a TFLite model, written with the flatbuffers runtime; field and operator numbers are those
// of schema.fbs.

import { Builder } from "flatbuffers";

const operators = { add: 0, softmax: 25, multiply: 18, batchMatMul: 126 };
const optionTypes = { softmax: 9, add: 11, multiply: 21, batchMatMul: 101 };

class ModelWriter {
  builder = new Builder(1 << 16);

  integers(values) {
    this.builder.startVector(4, values.length, 4);
    for (const value of values.toReversed()) this.builder.addInt32(value);
    return this.builder.endVector();
  }

  list(offsets) {
    this.builder.startVector(4, offsets.length, 4);
    for (const offset of offsets.toReversed()) this.builder.addOffset(offset);
    return this.builder.endVector();
  }

  /** A table of `fields` slots, filled by `fill`. */
  table(fields, fill) {
    this.builder.startObject(fields);
    fill?.(this.builder);
    return this.builder.endObject();
  }

  buffer(numbers) {
    if (!numbers) return this.table(1);
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    this.builder.startVector(1, bytes.length, 16);
    for (const byte of bytes.toReversed()) this.builder.addInt8(byte);
    const content = this.builder.endVector();
    return this.table(1, (builder) => builder.addFieldOffset(0, content, 0));
  }

  tensor(name, dimensions, buffer = 0) {
    const text = this.builder.createString(name);
    const shape = this.integers(dimensions);
    return this.table(10, (builder) => {
      builder.addFieldOffset(0, shape, 0);
      builder.addFieldInt32(2, buffer, 0);
      builder.addFieldOffset(3, text, 0);
      builder.addFieldInt8(8, 1, 0);
    });
  }

  operation(code, inputs, outputs, optionType, options) {
    const [from, to] = [this.integers(inputs), this.integers(outputs)];
    return this.table(13, (builder) => {
      builder.addFieldInt32(0, code, 0);
      builder.addFieldOffset(1, from, 0);
      builder.addFieldOffset(2, to, 0);
      builder.addFieldInt8(3, optionType, 0);
      builder.addFieldOffset(4, options, 0);
    });
  }

  operatorCode(number) {
    return this.table(4, (builder) => {
      builder.addFieldInt8(0, Math.min(number, 127), 0);
      builder.addFieldInt32(2, 1, 1);
      builder.addFieldInt32(3, number, 0);
    });
  }
}

/** Places in the model's tables. */
const tensorNames = ["q", "k", "v", "scale", "scaled", "scores", "weights", "o", "mask", "masked"];
const operatorNames = ["batchMatMul", "multiply", "softmax", "add"];
const place = (name) => tensorNames.indexOf(name);

function operations(writer, causal) {
  const product = (transposed) => writer.table(3, (builder) => builder.addFieldInt8(1, transposed ? 1 : 0, 0));
  const step = (operator, inputs, output, options) => {
    const code = operatorNames.indexOf(operator);
    return writer.operation(code, inputs.map(place), [place(output)], optionTypes[operator], options);
  };
  return [
    step("multiply", ["q", "scale"], "scaled", writer.table(2)),
    step("batchMatMul", ["scaled", "k"], "scores", product(true)),
    ...(causal ? [step("add", ["scores", "mask"], "masked", writer.table(2))] : []),
    step(
      "softmax",
      [causal ? "masked" : "scores"],
      "weights",
      writer.table(1, (builder) => builder.addFieldFloat32(0, 1, 0)),
    ),
    step("batchMatMul", ["weights", "v"], "o", product(false)),
  ];
}

export function attentionModel({ n, heads, headDim, causal }) {
  const writer = new ModelWriter();
  const { builder } = writer;
  const buffers = writer.list([writer.buffer(), writer.buffer(new Float32Array([1 / Math.sqrt(headDim)]))]);
  const rows = [1, heads, n, headDim];
  const square = [1, heads, n, n];
  const sizes = { q: rows, k: rows, v: rows, scale: [1], scaled: rows, scores: square, weights: square, o: rows };
  if (causal) Object.assign(sizes, { mask: [1, 1, n, n], masked: square });
  const tensors = writer.list(
    Object.entries(sizes).map(([name, dimensions]) => writer.tensor(name, dimensions, name === "scale" ? 1 : 0)),
  );
  const steps = writer.list(operations(writer, causal));
  const inputs = writer.integers(["q", "k", "v", ...(causal ? ["mask"] : [])].map(place));
  const outputs = writer.integers([place("o")]);
  const name = builder.createString("main");
  const graph = writer.table(5, () => {
    [tensors, inputs, outputs, steps, name].forEach((offset, field) => builder.addFieldOffset(field, offset, 0));
  });
  const graphs = writer.list([graph]);
  const codes = writer.list(operatorNames.map((operator) => writer.operatorCode(operators[operator])));
  const description = builder.createString("heed-bench");
  const model = writer.table(8, () => {
    builder.addFieldInt32(0, 3, 0);
    builder.addFieldOffset(1, codes, 0);
    builder.addFieldOffset(2, graphs, 0);
    builder.addFieldOffset(3, description, 0);
    builder.addFieldOffset(4, buffers, 0);
  });
  builder.finish(model, "TFL3");
  return builder.asUint8Array();
}
