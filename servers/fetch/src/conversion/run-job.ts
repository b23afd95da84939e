// Does one job, in the worker. Each kind loads its packages when the first of it comes.
import { decodeText } from '../charset.ts';
import type { DocumentText, Job, JobResults, TextJob } from './job.ts';
import { toPlainText } from './plain-text.ts';

async function toText(job: TextJob): Promise<DocumentText> {
  const { kind, url, full, charset: declared, bytes, format } = job;
  const plain = format === 'text' ? 'text' : 'markdown';
  switch (kind) {
    case 'html': {
      const { toPageText } = await import('./article.ts');
      const { text, charset } = decodeText(bytes, { declared, isMarkup: true });
      return { ...toPageText(text, { url, format, full }), charset };
    }
    case 'pdf': {
      const { toPdfText } = await import('./pdf.ts');
      return await toPdfText(bytes, plain);
    }
    case 'docx': {
      const { toDocxText } = await import('./docx.ts');
      return toDocxText(bytes, plain);
    }
    case 'json':
    case 'xml':
    case 'text':
      return toPlainText(job);
  }
}

export async function runJob(job: Job): Promise<JobResults[Job['task']]> {
  switch (job.task) {
    case 'text':
      return await toText(job);
    case 'links': {
      const { findLinks } = await import('./links.ts');
      const { text } = decodeText(job.bytes, { declared: job.charset, isMarkup: true });
      return findLinks(text, job.url);
    }
    case 'sitemap': {
      const { readSitemap } = await import('./sitemap-text.ts');
      return readSitemap(job.bytes, job.url);
    }
  }
}
