/** Numbers that Python sends in base64, and the map of a word among them. */

/** Little-endian float32 from base64. */
export function decodeFloats(base64: string): Float32Array {
  const text = atob(base64);
  const bytes = new DataView(new ArrayBuffer(text.length));
  for (let i = 0; i < text.length; i++) bytes.setUint8(i, text.charCodeAt(i));
  const values = new Float32Array(text.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = bytes.getFloat32(4 * i, true);
  return values;
}

/** Half of the range of the bytes that a map is sent as. */
const STEPS = 127;

/** The maps of all words, "words p p" one after the other, each in -1..1 of its own peak. */
export function decodeMaps(base64: string): Float32Array {
  const bytes = atob(base64);
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    values[i] = (byte > 127 ? byte - 256 : byte) / STEPS;
  }
  return values;
}

/** One word's map, scaled so that what is shown fills the range: -1..1, or 0..1 unsigned. */
export function wordMap(
  maps: Float32Array,
  word: number,
  grid: number,
  signed: boolean,
): Float32Array {
  const map = maps.slice(word * grid * grid, (word + 1) * grid * grid);
  if (!signed) for (let i = 0; i < map.length; i++) map[i] = Math.max(0, map[i]);
  let peak = 0;
  for (const value of map) peak = Math.max(peak, Math.abs(value));
  if (peak > 0) for (let i = 0; i < map.length; i++) map[i] /= peak;
  return map;
}
