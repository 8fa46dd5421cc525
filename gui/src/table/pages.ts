/** The rows a table has fetched: pages of 200, requested when they come into view, of which a bounded number is kept. */

import { asApiError, type ApiError } from '../api/http';
import type { Column, Json, TablePage } from '../api/types';

export const PAGE_ROWS = 200;
const KEEP_PAGES = 60;
const SAMPLE_ROWS = 60;
const NUMBER = /^[-+]?[\d.,]+(e[-+]?\d+)?$/i;
const MAX_DIGITS = 40;

const pageOf = (row: number) => Math.floor(row / PAGE_ROWS);

type Fetch = (offset: number, limit: number, signal: AbortSignal) => Promise<TablePage>;

export class RowPages {
  columns: Column[] = [];
  /** Number of rows that match, or null before the first answer. */
  total: number | null = null;
  complete = false;
  error: ApiError | null = null;
  /** Increases with every change; React compares it. */
  version = 0;

  /** The first rows that came, which determine the kinds of columns. They are kept, so that widths do not change. */
  sample: Json[][] = [];
  /** Number of characters of the longest number in each column so far, by name: a column is never narrower than its numbers. */
  digits: ReadonlyMap<string, number> = new Map();

  private pages = new Map<number, Json[][]>();
  private running = new Map<number, AbortController>();
  /** Pages whose rows have changed on the server since they were fetched: shown until the new ones arrive. */
  private stale = new Set<number>();
  private listeners = new Set<() => void>();
  /** Pages in view. */
  private wanted: number[] = [0];
  /** The highest number of rows in a push event: an answer that was already on its way may have fewer. */
  private pushed = 0;

  constructor(private readonly fetchPage: Fetch) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): number => this.version;

  row(index: number): Json[] | undefined {
    return this.pages.get(pageOf(index))?.[index % PAGE_ROWS];
  }

  /** Rows `first` to `last` are on screen, and `open` is shown in detail: fetches missing pages, drops requests for pages scrolled past. */
  need(first: number, last: number, open: number | null = null): void {
    const from = pageOf(Math.max(0, first));
    const wanted = new Set(Array.from({ length: pageOf(Math.max(0, first, last)) - from + 1 }, (_, at) => from + at));
    if (open !== null) wanted.add(pageOf(open));
    this.wanted = [...wanted];
    for (const [page, controller] of this.running) {
      if (wanted.has(page)) continue;
      controller.abort();
      this.running.delete(page);
    }
    this.fetchWanted();
  }

  /** The server has `total` rows now: later pages appear, the last one is fetched again. */
  grow(total: number): void {
    this.pushed = Math.max(this.pushed, total);
    if (this.total === null || total <= this.total) return;
    this.stale.add(pageOf(Math.max(0, this.total - 1)));
    this.total = total;
    this.changed();
    this.fetchWanted();
  }

  /** Everything may have changed: fetches what is on screen again, without blanking it. */
  refresh(): void {
    this.pushed = 0;
    for (const page of this.pages.keys()) this.stale.add(page);
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
    this.fetchWanted();
  }

  /** Changes rows in place. */
  patch(change: (row: Json[]) => Json[]): void {
    for (const [page, rows] of this.pages) this.pages.set(page, rows.map(change));
    this.changed();
  }

  dispose(): void {
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
  }

  private fetchWanted(): void {
    for (const page of this.wanted) {
      if (this.total !== null && page > 0 && page * PAGE_ROWS >= this.total) continue;
      if (!this.running.has(page) && (!this.pages.has(page) || this.stale.has(page))) void this.load(page);
    }
  }

  private async load(page: number): Promise<void> {
    const controller = new AbortController();
    this.running.set(page, controller);
    try {
      const answer = await this.fetchPage(page * PAGE_ROWS, PAGE_ROWS, controller.signal);
      if (controller.signal.aborted) return;
      this.running.delete(page);
      this.stale.delete(page);
      const isNews = answer.columns.length > 0 && this.mergeColumns(answer.columns);
      this.pages.set(page, answer.rows);
      if (isNews || this.sample.length === 0) this.sample = this.pages.get(0)?.slice(0, SAMPLE_ROWS) ?? [];
      this.measure(answer);
      this.total = Math.max(answer.total, this.pushed);
      this.complete = answer.complete;
      this.error = null;
      this.evict();
      this.changed();
      if (isNews) this.fetchWanted();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.running.delete(page);
      this.error = asApiError(error);
      this.changed();
    }
  }

  private measure({ columns, rows }: TablePage): void {
    const digits = new Map(this.digits);
    columns.forEach(({ name }, at) => {
      let longest = digits.get(name) ?? 0;
      for (const row of rows) {
        const cell = row[at];
        if (typeof cell === 'number' || (typeof cell === 'string' && cell.length <= MAX_DIGITS && NUMBER.test(cell))) longest = Math.max(longest, String(cell).length);
      }
      if (longest > 0) digits.set(name, longest);
    });
    if ([...digits].some(([name, longest]) => this.digits.get(name) !== longest)) this.digits = digits;
  }

  /**
   * Whether the columns differ from before. A later page may have more of them than the first; if their order changed,
   * the rows of other pages would be under the wrong headers, and are dropped.
   */
  private mergeColumns(columns: Column[]): boolean {
    const same = columns.length === this.columns.length && columns.every((column, index) => column.name === this.columns[index]?.name && column.type === this.columns[index]?.type);
    if (same) return false;
    const prefix = this.columns.every((column, index) => column.name === columns[index]?.name);
    if (!prefix) this.pages.clear();
    this.columns = columns;
    return true;
  }

  private evict(): void {
    if (this.pages.size <= KEEP_PAGES) return;
    const distance = (page: number) => Math.min(...this.wanted.map((wanted) => Math.abs(wanted - page)));
    const far = [...this.pages.keys()].sort((a, b) => distance(b) - distance(a));
    for (const page of far.slice(0, this.pages.size - KEEP_PAGES)) this.pages.delete(page);
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
