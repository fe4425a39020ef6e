function blur(image, width, height) {
  const out = image.slice();
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) sum += image[(y + dy) * width + x + dx];
      }
      out[y * width + x] = Math.trunc(sum / 9);
    }
  }
  return out;
}

export function main(n) {
  let image = Array.from({ length: n * n }, (_, i) => (i * 7919) % 256);
  for (let i = 0; i < 3; i++) image = blur(image, n, n);
  return image.reduce((sum, pixel) => sum + pixel, 0);
}
