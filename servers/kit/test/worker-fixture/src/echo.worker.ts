// A worker from sources: it answers what it is sent.
import { parentPort } from 'node:worker_threads';
import { answer } from './echo-answer.ts';

parentPort?.on('message', (message: string) => parentPort?.postMessage(answer(message)));
