// Calls back when an answer is over.

/** Calls `done` once, when the answer is written whole or its reader has left. */
export function whenWritten(response: Response, done: () => void): Response {
  if (response.body === null) {
    done();
    return response;
  }
  const source = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const part = await source.read();
          if (!part.done) {
            controller.enqueue(part.value);
            return;
          }
        } catch (error) {
          done();
          throw error;
        }
        done();
        controller.close();
      },
      async cancel(reason) {
        done();
        await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
