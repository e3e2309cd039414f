import type { Finding } from '../../summaries/audit.ts';
import type { Terminal } from '../terminal.ts';

/** Counts of findings, by kind. */
export type Counts = Record<Finding['kind'], number>;

/** Prints findings as they come, and counts them. */
export class FindingsReport {
  readonly counts: Counts = {
    'wrong summary': 0,
    orphan: 0,
    'orphan log': 0,
    'missing numbers': 0,
    'unreadable item': 0,
    'failed group': 0,
  };
  readonly #terminal: Terminal;
  readonly #json: boolean;

  /** @param json prints each finding as a line of JSON */
  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  readonly add = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      this.counts[finding.kind] += 1;
      this.#terminal.print(this.#json ? JSON.stringify(finding) : sentenceOf(finding));
    }
  };

  /** The number of findings. */
  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Prints the counts: `summary` and a count of each kind. */
  end(summary: Readonly<Record<string, number>>): void {
    const all = { ...summary, ...this.counts };
    const sentence = Object.entries(all)
      .map(([name, count]) => `${NAMES[name] ?? name}: ${count}`)
      .join(', ');
    this.#terminal.print(this.#json ? JSON.stringify({ kind: 'counts', ...all }) : sentence);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  groups: 'message groups',
  repaired: 'repaired summaries',
  'wrong summary': 'wrong summaries',
  orphan: 'orphans',
  'orphan log': 'orphan logs',
  'missing numbers': 'gaps in logs',
  'unreadable item': 'unreadable items',
  'failed group': 'groups that failed',
};

function sentenceOf(finding: Finding): string {
  switch (finding.kind) {
    case 'wrong summary':
      return `wrong summary: user ${finding.userId} group ${finding.messageGroupId}: ${finding.fields.join(', ')}`;
    case 'orphan':
      return `orphan: user ${finding.userId} has a summary of group ${finding.messageGroupId}, and is no member`;
    case 'orphan log':
      return `orphan log: group ${finding.messageGroupId} has messages, and no profile`;
    case 'missing numbers':
      return `missing numbers: group ${finding.messageGroupId}: ${finding.first} to ${finding.last}`;
    case 'unreadable item':
      return `unreadable item: ${finding.key}: ${finding.reason}`;
    case 'failed group':
      return `group that failed: ${finding.messageGroupId}: ${finding.reason}`;
  }
}
