/** The rows a table has fetched: pages of 200, asked for when they come into view, kept in bounded number. */

import { ApiError } from '../api/http';
import type { Column, Json, TablePage } from '../api/types';

export const PAGE_ROWS = 200;
const KEEP_PAGES = 60;
const NUMBER = /^[-+]?[\d.,]+(e[-+]?\d+)?$/i;
const MAX_DIGITS = 40;

type Fetch = (offset: number, limit: number, signal: AbortSignal) => Promise<TablePage>;

export class RowPages {
  columns: Column[] = [];
  /** Rows that match, or null before the first answer. */
  total: number | null = null;
  complete = false;
  error: ApiError | null = null;
  /** Rises with every change; what React compares. */
  version = 0;

  /** Letters of the longest number of each column so far, by name: a column is never narrower than its numbers. */
  readonly digits = new Map<string, number>();

  private pages = new Map<number, Json[][]>();
  private running = new Map<number, AbortController>();
  /** Pages whose rows changed on the server since they were fetched: shown until the new ones are here. */
  private stale = new Set<number>();
  private listeners = new Set<() => void>();
  private wanted: [number, number] = [0, 0];
  /** The most rows a push event spoke of: an answer that was under way may know fewer. */
  private pushed = 0;

  constructor(private readonly fetchPage: Fetch) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): number => this.version;

  row(index: number): Json[] | undefined {
    return this.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** Rows `first` to `last` are on screen: fetch what is missing, drop requests for what has scrolled by. */
  need(first: number, last: number): void {
    const from = Math.max(0, Math.floor(first / PAGE_ROWS));
    const to = Math.max(from, Math.floor(last / PAGE_ROWS));
    this.wanted = [from, to];
    for (const [page, controller] of this.running) {
      if (page < from || page > to) {
        controller.abort();
        this.running.delete(page);
      }
    }
    for (let page = from; page <= to; page += 1) {
      if (this.total !== null && page > 0 && page * PAGE_ROWS >= this.total) break;
      if (!this.running.has(page) && (!this.pages.has(page) || this.stale.has(page))) void this.load(page);
    }
  }

  /** The server says there are `total` rows now: later pages appear, the last one is fetched again. */
  grow(total: number): void {
    this.pushed = Math.max(this.pushed, total);
    if (this.total === null || total <= this.total) return;
    const last = Math.floor(Math.max(0, this.total - 1) / PAGE_ROWS);
    this.stale.add(last);
    this.total = total;
    this.changed();
    this.need(this.wanted[0] * PAGE_ROWS, (this.wanted[1] + 1) * PAGE_ROWS - 1);
  }

  /** Everything may have changed: fetch what is on screen again, without blanking it. */
  refresh(): void {
    this.pushed = 0;
    for (const page of this.pages.keys()) this.stale.add(page);
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
    this.need(this.wanted[0] * PAGE_ROWS, this.wanted[1] * PAGE_ROWS);
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

  private async load(page: number): Promise<void> {
    const controller = new AbortController();
    this.running.set(page, controller);
    try {
      const answer = await this.fetchPage(page * PAGE_ROWS, PAGE_ROWS, controller.signal);
      if (controller.signal.aborted) return;
      this.running.delete(page);
      this.stale.delete(page);
      this.pages.set(page, answer.rows);
      if (answer.columns.length > 0 || this.columns.length === 0) this.mergeColumns(answer.columns);
      this.measure(answer);
      this.total = Math.max(answer.total, this.pushed);
      this.complete = answer.complete;
      this.error = null;
      this.evict();
      this.changed();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.running.delete(page);
      this.error = error instanceof ApiError ? error : new ApiError(0, 'error', String(error));
      this.changed();
    }
  }

  private measure({ columns, rows }: TablePage): void {
    columns.forEach(({ name }, at) => {
      let longest = this.digits.get(name) ?? 0;
      for (const row of rows) {
        const cell = row[at];
        if (typeof cell === 'number' || (typeof cell === 'string' && cell.length <= MAX_DIGITS && NUMBER.test(cell))) longest = Math.max(longest, String(cell).length);
      }
      if (longest > 0) this.digits.set(name, longest);
    });
  }

  /** A later page may know more columns than the first; if the order changed, other pages are out of date. */
  private mergeColumns(columns: Column[]): void {
    const same = columns.length === this.columns.length && columns.every((column, index) => column.name === this.columns[index]?.name && column.type === this.columns[index]?.type);
    if (same) return;
    const prefix = this.columns.every((column, index) => column.name === columns[index]?.name);
    if (!prefix) for (const page of this.pages.keys()) this.stale.add(page);
    this.columns = columns;
  }

  private evict(): void {
    if (this.pages.size <= KEEP_PAGES) return;
    const middle = (this.wanted[0] + this.wanted[1]) / 2;
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const page of far.slice(0, this.pages.size - KEEP_PAGES)) this.pages.delete(page);
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
