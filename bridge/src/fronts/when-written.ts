// An answer that is read to its end for the server's sake, whether or not the client still listens.

/**
 * Calls `done` once the server has written its whole answer. A reader that goes away does not end the
 * call: in these revisions "disconnection SHOULD NOT be interpreted as the client cancelling its
 * request" (2025-11-25, Transports).
 */
export function whenWritten(response: Response, done: () => void): Response {
  if (response.body === null) {
    done();
    return response;
  }
  const source = response.body.getReader();
  let isRead = true;
  let wake: (() => void) | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const copy = async (): Promise<void> => {
        for (let part = await source.read(); !part.done; part = await source.read()) {
          if (!isRead) continue;
          controller.enqueue(part.value);
          while (isRead && (controller.desiredSize ?? 0) <= 0) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
        if (isRead) controller.close();
      };
      copy()
        .catch((error: unknown) => isRead && controller.error(error))
        .finally(done);
    },
    pull() {
      wake?.();
    },
    cancel() {
      isRead = false;
      wake?.();
    },
  });
  return new Response(body, response);
}
