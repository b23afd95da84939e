// The thread that works through documents from outside. It may hang or run out of memory; whoever started
// it ends it then.
import { parentPort } from 'node:worker_threads';
import { ToolError } from '@drawbridge/kit';
import type { Job, JobAnswer } from './conversion/job.ts';
import { runJob } from './conversion/run-job.ts';

async function toAnswer(job: Job): Promise<JobAnswer> {
  try {
    return { result: await runJob(job) };
  } catch (error) {
    if (error instanceof ToolError) return { wrong: error.message };
    return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

parentPort?.on('message', (job: Job) => {
  void toAnswer(job).then((answer) => parentPort?.postMessage(answer));
});
