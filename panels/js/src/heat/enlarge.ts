/**
 * Enlarges a square map bilinearly, cell centers half a cell from the border, as the scores of the
 * segments are computed.
 */
export function enlarge(
  map: Float32Array,
  grid: number,
  width: number,
  height: number,
): Float32Array {
  const out = new Float32Array(width * height);
  const columns = axis(width, grid);
  const rows = axis(height, grid);
  for (let y = 0; y < height; y++) {
    const { low: top, high: bottom, share: down } = rows[y];
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, share } = columns[x];
      const upper = map[top * grid + left] * (1 - share) + map[top * grid + right] * share;
      const lower = map[bottom * grid + left] * (1 - share) + map[bottom * grid + right] * share;
      out[y * width + x] = upper * (1 - down) + lower * down;
    }
  }
  return out;
}

function axis(length: number, grid: number): { low: number; high: number; share: number }[] {
  return Array.from({ length }, (_, i) => {
    const source = Math.min(Math.max(((i + 0.5) * grid) / length - 0.5, 0), grid - 1);
    const low = Math.floor(source);
    return { low, high: Math.min(low + 1, grid - 1), share: source - low };
  });
}
