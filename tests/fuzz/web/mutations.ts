/** An input made from others, a few byte-wise changes at a time. */
import type { Random } from "../../web/support/random.js";

type Bytes = Uint8Array<ArrayBuffer>;

const interesting = [0, 1, 2, 7, 8, 16, 31, 32, 63, 64, 100, 127, 128, 200, 254, 255];

function insert(bytes: Bytes, at: number, more: Uint8Array): Bytes {
  const longer = new Uint8Array(bytes.length + more.length);
  longer.set(bytes.subarray(0, at));
  longer.set(more, at);
  longer.set(bytes.subarray(at), at + more.length);
  return longer;
}

function changeOnce(random: Random, bytes: Bytes, other: Bytes): Bytes {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(random.below(4) === 0 ? 32 : 4);
  switch (random.below(8)) {
    case 0:
      return insert(
        bytes,
        at,
        Uint8Array.from({ length }, () => random.below(256)),
      );
    case 1:
      return insert(bytes.slice(0, at), at, bytes.subarray(Math.min(bytes.length, at + length)));
    case 2:
      return insert(bytes, at, other.subarray(random.below(other.length + 1)).subarray(0, length));
    case 3:
      // Crossover.
      return insert(bytes.slice(0, at), at, other.subarray(Math.min(at, other.length)));
    default: {
      if (bytes.length === 0) return Uint8Array.of(random.below(256));
      const copy = bytes.slice();
      const place = random.below(copy.length);
      const kind = random.below(4);
      if (kind === 0) copy[place]! ^= 1 << random.below(8);
      else if (kind === 1) copy[place]! += random.below(2) === 0 ? 1 : -1;
      else if (kind === 2) copy[place] = interesting[random.below(interesting.length)]!;
      else copy[place] = random.below(256);
      return copy;
    }
  }
}

export function mutate(random: Random, bytes: Bytes, other: Bytes, maxLength: number): Bytes {
  let result = bytes;
  for (let changes = 1 + random.below(5); changes > 0; --changes) result = changeOnce(random, result, other);
  return result.length > maxLength ? result.slice(0, maxLength) : result;
}
