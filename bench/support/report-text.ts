import type { Report, Table } from './bench.ts';

/** @returns a report as a terminal shows it */
export function terminalText(report: Report): string {
  return [
    report.heading,
    `  mix: ${report.mix}`,
    `  proof: ${report.proof}`,
    ...report.tables.flatMap((table) => alignedRows(table).map((row) => `  ${row}`)),
    ...(report.notes ?? []).map((note) => `  ${note}`),
  ].join('\n');
}

/** @returns a report as a section of RESULTS.md, pictures from the folder beside it */
export function markdownText(report: Report, machine: string, command: string): string {
  return [
    `## ${report.heading}`,
    `\`${command}\` on ${machine}.`,
    `Mix: ${report.mix}. Proof: ${report.proof}.`,
    ...report.tables.map(markdownTable),
    ...(report.notes ?? []),
    ...(report.pictures ?? []).map(({ name, about }) => `![${about}](pictures/${name}.svg)`),
  ].join('\n\n');
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

function alignedRows({ columns, rows }: Table): string[] {
  const lines = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
