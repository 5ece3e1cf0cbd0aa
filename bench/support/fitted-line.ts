/** @returns slope of the straight line with the least squared distance from the points, in y per x */
export function fittedSlope(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) throw new Error(`${points.length} points have no slope`);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let products = 0;
  let squares = 0;
  for (const [x, y] of points) {
    products += (x - meanX) * (y - meanY);
    squares += (x - meanX) ** 2;
  }
  if (squares === 0) throw new Error('points above each other have no slope');
  return products / squares;
}
