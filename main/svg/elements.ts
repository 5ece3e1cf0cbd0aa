/** Pieces of SVG text that every picture is made of. */

export const INK = '#222222';
export const PALE = '#6a6a6a';
export const FONT = "Inter, 'Segoe UI', 'Liberation Sans', Arial, sans-serif";

/** @returns a coordinate as written into a picture: a tenth of a pixel is enough */
export function at(coordinate: number): string {
  return String(Number(coordinate.toFixed(1)));
}

interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly fill?: string;
  readonly isBold?: boolean;
  readonly isUpright?: boolean; // turned by a quarter, read from below
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = 'start', size = 13, fill = INK, isBold = false, isUpright = false } = style;
  const turn = isUpright ? ` transform="rotate(-90 ${at(x)} ${at(y)})"` : '';
  const weight = isBold ? ' font-weight="600"' : '';
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" font-size="${size}" fill="${fill}"${weight}${turn}>${escaped(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, more = ''): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${stroke}"${more}/>`;
}

/** @returns text that stands for itself in SVG */
export function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
