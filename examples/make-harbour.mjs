#!/usr/bin/env node
/**
 * Draws examples/harbour.png: an evening in a small harbour, made up here and free of anybody's rights. Drawn four times
 * larger and scaled down, so that its edges look like a camera's. Always the same picture: `node examples/make-harbour.mjs`.
 */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const WIDTH = 480;
const HEIGHT = 320;
const WATERLINE = 172;
const OVERSAMPLING = 4;

let seed = 20_260_501;
/** Park–Miller: the same numbers on every machine. */
function random(from = 0, to = 1) {
  seed = (seed * 48_271) % 2_147_483_647;
  return from + ((to - from) * seed) / 2_147_483_647;
}
const pick = (list) => list[Math.floor(random(0, list.length))];
const times = (count, draw) => Array.from({ length: count }, (_, i) => draw(i)).join('');

function hills() {
  const ridge = (base, height, step, colour) => {
    let path = `M0 ${WATERLINE}`;
    for (let x = 0; x <= WIDTH + step; x += step) {
      path += ` L${x} ${(base - height * (0.5 + 0.5 * Math.sin(x / 61 + base)) - random(0, height / 4)).toFixed(1)}`;
    }
    return `<path d="${path} L${WIDTH} ${WATERLINE} Z" fill="${colour}"/>`;
  };
  return ridge(128, 34, 12, '#8b7f9b') + ridge(146, 26, 8, '#6d6a86') + ridge(158, 16, 6, '#565a6e');
}

function house(x, width, height, wall) {
  const top = WATERLINE - 5 - height;
  const roof = pick(['#8c3f2e', '#74372c', '#9a4b34', '#5d3a3a']);
  const columns = Math.max(2, Math.floor(width / 9));
  const rows = Math.max(2, Math.floor(height / 13));
  const gap = width / columns;
  const windows = times(columns * rows, (i) => {
    const wx = x + gap * (i % columns) + gap / 2 - 2;
    const wy = top + 5 + Math.floor(i / columns) * 12.5;
    const glass = random() < 0.42 ? pick(['#ffd98a', '#ffc766', '#ffe7b0']) : '#39435a';
    return `<rect x="${wx - 0.6}" y="${wy - 0.6}" width="5.2" height="7.7" fill="#f3ead9"/>
      <rect x="${wx}" y="${wy}" width="4" height="6.5" fill="${glass}"/>
      <path d="M${wx + 2} ${wy} v6.5 M${wx} ${wy + 3} h4" stroke="#f3ead9" stroke-width="0.5"/>`;
  });
  const tiles = times(
    4,
    (i) => `<path d="M${x - 2 + i * 2} ${top - 1 - i * 2.6} h${width + 4 - i * 4}" stroke="#0003" stroke-width="0.6"/>`,
  );
  return `<rect x="${x}" y="${top}" width="${width}" height="${height + 5}" fill="${wall}"/>
    <rect x="${x}" y="${top}" width="${width}" height="${height + 5}" fill="url(#shade)"/>${windows}
    <path d="M${x - 3} ${top} L${x + width * 0.28} ${top - 12} H${x + width * 0.72} L${x + width + 3} ${top} Z" fill="${roof}"/>${tiles}
    <rect x="${x + width * 0.62}" y="${top - 17}" width="4" height="9" fill="#6b4a40"/>`;
}

function town() {
  const walls = ['#d9a36a', '#c8795a', '#e6cf9f', '#a9b7a0', '#d58f83', '#8fa6b8', '#e0b070', '#c9c2b4'];
  let drawn = '';
  let n = 0;
  for (let x = 96; x < 470; ) {
    const width = random(24, 40);
    drawn += house(x, width, random(32, 62), walls[n++ % walls.length]);
    x += width + random(0, 2);
  }
  return drawn;
}

function lighthouse() {
  const bands = times(
    4,
    (i) =>
      `<path d="M${47.2 - i * 0.9} ${108 + i * 16} h${11.6 + i * 1.8} l0.5 8 h-${12.6 + i * 1.8} Z" fill="#b8433a"/>`,
  );
  return `<path d="M47 100 h12 l5 72 h-22 Z" fill="#f2ece2"/>${bands}
    <path d="M47 100 h12 l5 72 h-22 Z" fill="url(#shade)"/>
    <rect x="44.5" y="97.5" width="17" height="3" fill="#3a3f4d"/><rect x="48.5" y="87" width="9" height="10.5" fill="#ffe9a8"/>
    <path d="M48.5 87 v10.5 M51.5 87 v10.5 M54.5 87 v10.5 M57.5 87 v10.5" stroke="#3a3f4d" stroke-width="0.7"/>
    <path d="M46.5 87 L53 79.5 L59.5 87 Z" fill="#7d2f2c"/><circle cx="53" cy="92" r="24" fill="url(#glow)"/>`;
}

/** A cutter of the given length with its stern at x; mirrored when the length is negative. */
function boat(x, y, length, hull, stripe) {
  const l = Math.abs(length);
  const mast = l * 1.15;
  const shrouds = times(
    5,
    (i) => `<path d="M${l * 0.46} ${-mast} L${l * (0.05 + i * 0.2)} -7" stroke="#2b2b33" stroke-width="0.45"/>`,
  );
  const portholes = times(
    4,
    (i) => `<circle cx="${l * (0.24 + i * 0.14)}" cy="-1" r="1.1" fill="#f4e3b5" stroke="#2b2b33" stroke-width="0.4"/>`,
  );
  return `<g transform="translate(${x} ${y}) scale(${Math.sign(length)} 1)">
    <rect x="${l * 0.12}" y="-16" width="${l * 0.24}" height="11" fill="#efe9dc"/><rect x="${l * 0.1}" y="-17.5" width="${l * 0.28}" height="2" fill="#9c4c38"/>
    ${times(3, (i) => `<rect x="${l * (0.145 + i * 0.07)}" y="-13.5" width="${l * 0.045}" height="4" fill="#ffdf94"/>`)}
    <path d="M${l * 0.46} -5 V${-mast}" stroke="#5a4634" stroke-width="1.5"/><path d="M${l * 0.46} ${-mast * 0.42} L${l * 0.06} ${-mast * 0.62}" stroke="#5a4634" stroke-width="1"/>
    ${shrouds}<path d="M${l * 0.46} ${-mast} l9 2.4 l-9 2.6 Z" fill="#d8a23b"/>
    <path d="M0 -6 C${l * 0.3} -4 ${l * 0.75} -4.5 ${l} -11 C${l * 0.95} -3 ${l * 0.9} 3 ${l * 0.84} 6 H${l * 0.08} C${l * 0.03} 3 0.5 -2 0 -6 Z" fill="${hull}"/>
    <path d="M0.4 -4 C${l * 0.3} -2 ${l * 0.75} -2.5 ${l * 0.97} -8.4" stroke="${stripe}" stroke-width="1.3" fill="none"/>${portholes}</g>`;
}

function shore() {
  const lamps = times(7, (i) => {
    const x = 110 + i * 56;
    return `<path d="M${x} ${WATERLINE} v-17" stroke="#31343f" stroke-width="1"/><circle cx="${x}" cy="${WATERLINE - 18}" r="1.7" fill="#fff2c4"/>
      <circle cx="${x}" cy="${WATERLINE - 18}" r="11" fill="url(#glow)"/>`;
  });
  const stones = times(
    150,
    () =>
      `<rect x="${random(78, WIDTH)}" y="${random(WATERLINE - 5, WATERLINE + 1)}" width="${random(3, 7)}" height="1.6" fill="${pick(['#6b6663', '#8b857e', '#57535a', '#9a938a'])}"/>`,
  );
  return `${hills()}${lighthouse()}${town()}<rect x="78" y="${WATERLINE - 5}" width="${WIDTH}" height="7" fill="#77716d"/>${stones}${lamps}`;
}

const boats = [
  [128, 186, 62, '#2f5d7c', '#e8e2d2'],
  [262, 192, -70, '#8e3b34', '#f1d9a0'],
  [296, 184, 56, '#3d6b52', '#efe7d6'],
  [455, 200, -84, '#26384d', '#d8a23b'],
]
  .map((args) => boat(...args))
  .join('');

function ripples() {
  return times(900, () => {
    const depth = random() ** 1.6;
    const y = WATERLINE + 4 + depth * (HEIGHT - WATERLINE);
    const length = random(3, 10) * (0.5 + depth * 2.4);
    const colour = pick(['#ffd9a0', '#f3b98a', '#2b3d55', '#20304a', '#8fa0b8', '#e59a76']);
    return `<path d="M${random(-10, WIDTH)} ${y} q${length / 2} ${random(-1.2, 1.2) * (0.4 + depth)} ${length} 0" stroke="${colour}" stroke-opacity="${random(0.15, 0.5)}" stroke-width="${0.35 + depth * 1.1}" fill="none"/>`;
  });
}

function pier() {
  const planks = times(15, (i) => {
    const x = -14 + i * 13.5;
    return `<path d="M${x} ${HEIGHT} L${x * 0.62 + 10} 272 h8.6 L${x + 13} ${HEIGHT} Z" fill="${pick(['#7c5f46', '#866a4f', '#705540', '#8f7256'])}"/>
      ${times(5, () => `<path d="M${x + random(1, 11)} ${HEIGHT} L${x * 0.62 + 10 + random(1, 8)} 273" stroke="#4a3729" stroke-opacity="0.45" stroke-width="0.4"/>`)}
      <circle cx="${x * 0.66 + 15}" cy="277" r="0.8" fill="#3a2d24"/>`;
  });
  return `${planks}<rect x="0" y="269" width="131" height="4" fill="#5d4635"/>
    <path d="M96 292 c30 -4 60 -30 88 -66 s70 -30 82 -27" stroke="#d9c59a" stroke-width="1.6" fill="none"/>
    <rect x="88" y="274" width="15" height="21" rx="3" fill="#3b3d45"/><ellipse cx="95.5" cy="274" rx="10" ry="3.6" fill="#4d505a"/>
    ${times(4, (i) => `<path d="M87 ${283 + i * 2.4} q8.5 3 17 0" stroke="#d9c59a" stroke-width="1.5" fill="none"/>`)}`;
}

const gulls = times(7, () => {
  const s = random(2.4, 5);
  return `<path d="M${random(150, 440)} ${random(18, 82)} q${s} ${-s * 0.8} ${s * 1.6} 0 q${s * 0.8} ${-s * 0.8} ${s * 1.7} ${-s * 0.2}" stroke="#3c3a4c" stroke-width="0.9" fill="none"/>`;
});

const land = shore();
const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${WIDTH * OVERSAMPLING}" height="${HEIGHT * OVERSAMPLING}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
  <defs>
    <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#33507f"/><stop offset="0.45" stop-color="#b58aa0"/><stop offset="0.75" stop-color="#f2b07c"/><stop offset="1" stop-color="#ffd79a"/></linearGradient>
    <linearGradient id="water" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#d39a80"/><stop offset="0.35" stop-color="#66708f"/><stop offset="1" stop-color="#1c2c47"/></linearGradient>
    <linearGradient id="shade"><stop offset="0" stop-color="#fff2d0" stop-opacity="0.28"/><stop offset="1" stop-color="#20203c" stop-opacity="0.34"/></linearGradient>
    <radialGradient id="glow"><stop offset="0" stop-color="#fff0b8" stop-opacity="0.85"/><stop offset="1" stop-color="#ffdf90" stop-opacity="0"/></radialGradient>
    <radialGradient id="sun"><stop offset="0" stop-color="#fff7dc"/><stop offset="0.16" stop-color="#ffe9b0" stop-opacity="0.95"/><stop offset="1" stop-color="#ffcf8a" stop-opacity="0"/></radialGradient>
    <filter id="clouds" x="0" y="0" width="1" height="1"><feTurbulence type="fractalNoise" baseFrequency="0.0022 0.0085" numOctaves="5" seed="7"/><feColorMatrix values="0 0 0 0 1  0 0 0 0 0.82  0 0 0 0 0.72  1.9 0 0 0 -0.85"/></filter>
    <filter id="wavy" x="0" y="0" width="1" height="1"><feTurbulence type="fractalNoise" baseFrequency="0.004 0.04" numOctaves="3" seed="3"/><feDisplacementMap in="SourceGraphic" scale="34" xChannelSelector="R" yChannelSelector="G"/><feGaussianBlur stdDeviation="2.2 0.8"/></filter>
    <clipPath id="surface"><rect x="0" y="${WATERLINE}" width="${WIDTH}" height="${HEIGHT}"/></clipPath>
  </defs>
  <rect width="${WIDTH}" height="${WATERLINE}" fill="url(#sky)"/><rect width="${WIDTH}" height="120" filter="url(#clouds)"/>
  <circle cx="86" cy="118" r="86" fill="url(#sun)"/>${gulls}${land}
  <rect y="${WATERLINE}" width="${WIDTH}" height="${HEIGHT - WATERLINE}" fill="url(#water)"/>
  <g clip-path="url(#surface)"><g filter="url(#wavy)" opacity="0.55"><g transform="translate(0 ${2 * WATERLINE + 14}) scale(1 -1)">${land}${boats}</g></g>${ripples()}</g>
  ${boats}${pier()}
</svg>`;

const drawn = await sharp(Buffer.from(svg))
  .resize(WIDTH, HEIGHT, { kernel: 'lanczos3' })
  .removeAlpha()
  .raw()
  .toBuffer();
// Grain, as a camera would add at dusk.
for (let i = 0; i < drawn.length; i++) {
  drawn[i] = Math.max(0, Math.min(255, Math.round(drawn[i] + random(-2, 2) + random(-2, 2))));
}
const target = fileURLToPath(new URL('harbour.png', import.meta.url));
await sharp(drawn, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
  .png({ compressionLevel: 9 })
  .toFile(target);
