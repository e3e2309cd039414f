import { scaleLinear, scaleLog, scaleOrdinal } from 'd3-scale';
import { line } from 'd3-shape';
import type { Growth, GrowthPoint } from './growth.ts';

const [WIDTH, PANEL_HEIGHT, GAP] = [760, 210, 70];
const MARGIN = { top: 34, right: 170, bottom: 40, left: 56 };
const COLOURS = ['#0b6e99', '#d9730d', '#6940a5', '#0f7b6c', '#c4332f'];

/** Two panels above each other, latency and capacity, over the size on a logarithmic scale; as the text of an SVG file. */
export function chartOf(growth: readonly Growth[]): string {
  const height = MARGIN.top + 2 * PANEL_HEIGHT + GAP + MARGIN.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    '<title>Latency and capacity as groups and inboxes grow</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    panel(growth, 'Latency: half of the requests take no longer than so many ms', ({ p50Ms }) => p50Ms, MARGIN.top),
    panel(growth, 'Capacity units a request', ({ capacityUnits }) => capacityUnits, MARGIN.top + PANEL_HEIGHT + GAP),
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${height - 6}" text-anchor="middle">messages in the group, or groups in the inbox</text>`,
    '</svg>\n',
  ].join('\n');
}

function panel(growth: readonly Growth[], title: string, value: (point: GrowthPoint) => number, top: number): string {
  const points = growth.flatMap((each) => each.points);
  const sizes = points.map(({ size }) => size);
  const [left, right, bottom] = [MARGIN.left, WIDTH - MARGIN.right, top + PANEL_HEIGHT];
  const x = scaleLog([Math.min(...sizes), Math.max(...sizes)], [left, right]);
  const y = scaleLinear([0, Math.max(...points.map(value)) * 1.1], [bottom, top]).nice(5);
  const colour = scaleOrdinal(
    growth.map(({ name }) => name),
    COLOURS,
  );
  const path = line<GrowthPoint>(
    (point) => x(point.size),
    (point) => y(value(point)),
  ).digits(1);
  return [
    `<text x="${left}" y="${top - 12}" font-weight="600">${title}</text>`,
    ...y
      .ticks(5)
      .map(
        (tick) =>
          `<path d="M${left},${y(tick)}H${right}" stroke="#e3e2e0"/><text x="${left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
      ),
    ...[...new Set(sizes.filter((size) => Number.isInteger(Math.log10(size))))].map(
      (size) => `<text x="${x(size)}" y="${bottom + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    ...growth.flatMap(({ name, points: own }, index) => [
      `<path d="${path([...own])}" fill="none" stroke="${colour(name)}" stroke-width="2"/>`,
      ...own.map(
        (point) =>
          `<circle cx="${x(point.size).toFixed(1)}" cy="${y(value(point)).toFixed(1)}" r="3" fill="${colour(name)}"/>`,
      ),
      `<rect x="${right + 16}" y="${top + index * 20}" width="12" height="12" fill="${colour(name)}"/><text x="${right + 34}" y="${top + index * 20 + 10}">${name}</text>`,
    ]),
  ].join('\n');
}
