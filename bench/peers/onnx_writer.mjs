// Writes ONNX models: just the fields of the protocol buffer that an attention graph needs, so that no converter and no
// model file is needed. Field numbers are those of onnx.proto.

export const elementTypes = { float: 1, int32: 6 };

class Message {
  #parts = [];
  #length = 0;

  get length() {
    return this.#length;
  }

  raw(bytes) {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  number(value) {
    const bytes = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    do {
      const low = Number(rest & 127n);
      rest >>= 7n;
      bytes.push(rest === 0n ? low : low | 128);
    } while (rest !== 0n);
    return this.raw(Uint8Array.from(bytes));
  }

  integer(field, value) {
    return this.number(field << 3).number(value);
  }

  bytes(field, content) {
    return this.number((field << 3) | 2)
      .number(content.length)
      .raw(content);
  }

  text(field, value) {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field, inner) {
    return this.bytes(field, inner.finish());
  }

  finish() {
    const all = new Uint8Array(this.#length);
    let place = 0;
    for (const part of this.#parts) {
      all.set(part, place);
      place += part.length;
    }
    return all;
  }
}

/** An attribute: an integer, or a list of integers. */
function attribute(name, value) {
  const message = new Message().text(1, name);
  if (!Array.isArray(value)) return message.integer(3, value).integer(20, 2);
  for (const each of value) message.integer(8, each);
  return message.integer(20, 7);
}

/** One operation. An empty name among the inputs means an optional input that is not there. */
export function node(operation, inputs, outputs, { attributes = {}, domain = "" } = {}) {
  const message = new Message();
  for (const name of inputs) message.text(1, name);
  for (const name of outputs) message.text(2, name);
  message.text(3, `${operation}_${outputs[0]}`).text(4, operation);
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
  if (domain) message.text(7, domain);
  return message;
}

/** An input or output of the graph. */
export function port(name, elementType, dimensions) {
  const shape = new Message();
  for (const size of dimensions) shape.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, elementType).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A constant of the graph. */
export function constant(name, dimensions, numbers) {
  const message = new Message();
  for (const size of dimensions) message.integer(1, size);
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return message.integer(2, elementTypes.float).text(8, name).bytes(9, bytes);
}

export function model({ nodes, constants = [], inputs, outputs }) {
  const graph = new Message();
  for (const each of nodes) graph.message(1, each);
  graph.text(2, "attention");
  for (const each of constants) graph.message(5, each);
  for (const each of inputs) graph.message(11, each);
  for (const each of outputs) graph.message(12, each);
  return new Message()
    .integer(1, 10)
    .text(2, "heed-bench")
    .message(7, graph)
    .message(8, new Message().text(1, "").integer(2, 17))
    .message(8, new Message().text(1, "com.microsoft").integer(2, 1))
    .finish();
}
