// WebAssembly loops that do nothing but what they measure, written byte by byte so that no compiler has a say:
//
//   madd, mul+add   ten independent chains of vector multiply-adds: the arithmetic peak
//   tile RxC        the inner loop of a register tile: R broadcasts and C/4 vector loads a step,
//                   from a 16 KB panel pair
//   read N MB       vector loads and adds over N MB: the bandwidth of the memory level that holds them
//
// Every loop is (count, base) -> f32, and runs in short calls: V8 replaces no running function, so a loop inside one
// long call would stay in the baseline compiler.

function unsigned(value) {
  const bytes = [];
  do {
    const low = value & 127;
    value >>>= 7;
    bytes.push(value === 0 ? low : low | 128);
  } while (value !== 0);
  return bytes;
}

function signed(value) {
  const bytes = [];
  for (;;) {
    const low = value & 127;
    value >>= 7;
    const done = (value === 0 && (low & 64) === 0) || (value === -1 && (low & 64) !== 0);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

const i32 = 0x7f;
const f32 = 0x7d;
const v128 = 0x7b;
const get = (local) => [0x20, ...unsigned(local)];
const set = (local) => [0x21, ...unsigned(local)];
const tee = (local) => [0x22, ...unsigned(local)];
const i32Constant = (value) => [0x41, ...signed(value)];
const i32Add = [0x6a];
const i32Subtract = [0x6b];
const i32LessUnsigned = [0x49];
const splat = [0xfd, 0x13];
const vectorAdd = [0xfd, 0xe4, 0x01];
const vectorMultiply = [0xfd, 0xe6, 0x01];
const relaxedMadd = [0xfd, 0x85, 0x02];
const firstLane = [0xfd, 0x1f, 0x00];
const load = (offset) => [0xfd, 0x00, 0x04, ...unsigned(offset)];
const loadSplat = (offset) => [0xfd, 0x09, 0x02, ...unsigned(offset)];
const loopStart = [0x03, 0x40];
const repeatIf = [0x0d, 0x00];
const end = [0x0b];

const section = (id, body) => [id, ...unsigned(body.length), ...body];

/** A module with one exported function "run" of type (i32 count, i32 base) -> f32 over an imported shared memory. */
function moduleOf(locals, body, pages) {
  const declared = locals.flatMap(([count, type]) => [...unsigned(count), type]);
  const code = [...unsigned(locals.length), ...declared, ...body, ...end];
  const importedMemory = [1, 1, 0x6d, 1, 0x6d, 2, 3, ...unsigned(pages), ...unsigned(pages)];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, i32, i32, 1, f32]),
    ...section(2, importedMemory),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 0x72, 0x75, 0x6e, 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const range = (count) => Array.from({ length: count }, (_, i) => i);
const sumOf = (first, count) => [
  ...get(first),
  ...range(count - 1).flatMap((i) => [...get(first + 1 + i), ...vectorAdd]),
  ...firstLane,
];

/** acc = a * b + acc */
function multiplyAdd(a, b, accumulator, relaxed) {
  const sum = relaxed
    ? [...get(a), ...get(b), ...get(accumulator), ...relaxedMadd]
    : [...get(a), ...get(b), ...vectorMultiply, ...get(accumulator), ...vectorAdd];
  return [...sum, ...set(accumulator)];
}

const countDown = [...get(0), ...i32Constant(1), ...i32Subtract, ...tee(0), ...repeatIf];

const chains = 10;
function arithmetic(relaxed, pages) {
  const [x, first] = [2, 3];
  // 0.5, as its bits.
  const start = [0x43, 0, 0, 0, 0x3f, ...splat, ...set(x)];
  const step = range(chains).flatMap((i) => multiplyAdd(x, x, first + i, relaxed));
  return moduleOf(
    [[1 + chains, v128]],
    [...start, ...loopStart, ...step, ...countDown, ...end, ...sumOf(first, chains)],
    pages,
  );
}

const panelBytes = 16384;
function tile(rows, vectors, relaxed, pages) {
  const [pointer, limit, firstVector] = [2, 3, 4];
  const firstSum = firstVector + vectors;
  const broadcast = firstSum + rows * vectors;
  const step = [
    ...range(vectors).flatMap((c) => [...get(pointer), ...load(panelBytes + 16 * c), ...set(firstVector + c)]),
    ...range(rows).flatMap((r) => [
      ...[...get(pointer), ...loadSplat(4 * r), ...set(broadcast)],
      ...range(vectors).flatMap((c) => multiplyAdd(broadcast, firstVector + c, firstSum + r * vectors + c, relaxed)),
    ]),
  ];
  const advance = [...get(pointer), ...i32Constant(16 * vectors), ...i32Add, ...tee(pointer)];
  const inner = [...loopStart, ...step, ...advance, ...get(limit), ...i32LessUnsigned, ...repeatIf, ...end];
  const restart = [...get(1), ...set(pointer), ...get(1), ...i32Constant(panelBytes), ...i32Add, ...set(limit)];
  return moduleOf(
    [
      [2, i32],
      [vectors + rows * vectors + 1, v128],
    ],
    [...loopStart, ...restart, ...inner, ...countDown, ...end, ...sumOf(firstSum, rows * vectors)],
    pages,
  );
}

const readsPerStep = 8;
function read(pages) {
  const [limit, first] = [2, 3];
  const step = range(readsPerStep).flatMap((i) => [
    ...[...get(first + i), ...get(1), ...load(16 * i)],
    ...[...vectorAdd, ...set(first + i)],
  ]);
  const advance = [...get(1), ...i32Constant(16 * readsPerStep), ...i32Add, ...tee(1)];
  return moduleOf(
    [
      [1, i32],
      [readsPerStep, v128],
    ],
    [
      ...[...get(0), ...get(1), ...i32Add, ...set(limit)],
      ...[...loopStart, ...step, ...advance, ...get(limit), ...i32LessUnsigned, ...repeatIf, ...end],
      ...sumOf(first, readsPerStep),
    ],
    pages,
  );
}

function functionOf(moduleBytes, memory) {
  return new WebAssembly.Instance(new WebAssembly.Module(moduleBytes), { m: { m: memory } }).exports.run;
}
const pagesOf = (memory) => memory.buffer.byteLength / 65536;
/** Calls `part` so often that one run takes some 20 ms, in calls of a fraction of a millisecond. */
const repeated = (times, part) => () => {
  let sum = 0;
  for (let i = 0; i < times; ++i) sum = part();
  return sum;
};

const calls = 48;

function arithmeticLoop(relaxed) {
  const steps = 250_000;
  return {
    bytes: 65536,
    build({ memory }) {
      const run = functionOf(arithmetic(relaxed, pagesOf(memory)), memory);
      return {
        run: repeated(calls, () => run(steps, 0)),
        flops: calls * steps * chains * 8,
        readBytes: 0,
        // A chain adds a quarter a step: exact in single precision up to 2^22.
        right: (sum) => sum === (chains * steps) / 4,
      };
    },
  };
}

function tileLoop(rows, vectors, relaxed) {
  const times = 1200;
  const steps = panelBytes / (16 * vectors);
  return {
    // Every thread has a panel pair of its own; 128 threads at most.
    bytes: 128 * 2 * panelBytes,
    build({ memory, base }) {
      const run = functionOf(tile(rows, vectors, relaxed, pagesOf(memory)), memory);
      return {
        run: repeated(calls, () => run(times, base)),
        flops: calls * times * steps * rows * vectors * 8,
        readBytes: 0,
        right: (sum) => sum === (times * steps * rows * vectors) / 4,
      };
    },
  };
}

function readLoop(megabytes) {
  const bytes = megabytes * 2 ** 20;
  const times = Math.max(1, Math.round(64 / megabytes));
  return {
    bytes,
    build({ memory, base, share }) {
      const run = functionOf(read(pagesOf(memory)), memory);
      return {
        run: repeated(times, () => run(share, base)),
        flops: 0,
        readBytes: times * share,
        // The first lane of every vector holds a half.
        right: (sum) => sum === share / 16 / 2,
      };
    },
  };
}

/** By name: how much memory the loop wants, and how to build it for one thread's share of that memory. */
export const loops = {
  madd: arithmeticLoop(true),
  "mul+add": arithmeticLoop(false),
  "tile 4x8 madd": tileLoop(4, 2, true),
  "tile 4x8 mul+add": tileLoop(4, 2, false),
  "tile 6x8 madd": tileLoop(6, 2, true),
  "tile 6x8 mul+add": tileLoop(6, 2, false),
  "read 16 MB": readLoop(16),
  "read 64 MB": readLoop(64),
  "read 256 MB": readLoop(256),
};
