// What is asked of the worker, and what it answers.
import type { ContentKind } from '../content-kind.ts';
import type { Link } from './links.ts';
import type { SitemapFile } from './sitemap-text.ts';

export type TextFormat = 'markdown' | 'text' | 'html';

export interface TextJob {
  task: 'text';
  kind: Exclude<ContentKind, 'binary'>;
  format: TextFormat;
  full: boolean;
  url: string;
  charset: string | undefined;
  bytes: Uint8Array;
}

export interface DocumentText {
  text: string;
  title: string;
  charset?: string;
  /** Of HTML: its article alone, or all of the page. */
  mode?: 'article' | 'page';
  /** Whether the end is missing because it is too long. */
  isCut: boolean;
}

export interface LinksJob {
  task: 'links';
  url: string;
  charset: string | undefined;
  bytes: Uint8Array;
}

export interface FoundLinks {
  links: Link[];
  isCut: boolean;
}

export interface SitemapJob {
  task: 'sitemap';
  url: string;
  bytes: Uint8Array;
}

export type Job = TextJob | LinksJob | SitemapJob;

export interface JobResults {
  text: DocumentText;
  links: FoundLinks;
  sitemap: SitemapFile;
}

export type JobAnswer =
  | { result: JobResults[Job['task']] }
  | { wrong: string }
  | { defect: string };
