// A line of a server's stdout as JSON, and the result's own text where it can be told.
import {
  array,
  constantFrom,
  jsonValue,
  nat,
  assert as check,
  dictionary,
  property,
  string,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLine } from '../../src/upstreams/stdio/inbound-message.ts';

describe('a line', () => {
  it('is parsed like any JSON, and the text is that of the result', () => {
    const orders = [
      (id: number, result: string) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`,
      (id: number, result: string) => `{"result":${result},"jsonrpc":"2.0","id":${id}}`,
    ];
    const result = dictionary(string(), jsonValue());
    check(
      property(constantFrom(...orders), nat(2 ** 31 - 1), result, (write, id, value) => {
        const text = JSON.stringify(value);
        const line = write(id, text);
        expect(parseLine(line)).toEqual({ value: JSON.parse(line), text });
      }),
    );
  });

  it('that is no answer, or has another order, is parsed without a text', () => {
    const lines = [
      '[]',
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}',
      '{"id":1,"jsonrpc":"2.0","result":{}}',
      '{"jsonrpc":"2.0","id":"a","result":{}}',
      '{"jsonrpc":"2.0","id":1,"result":[{}]}',
      '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}',
      '{ "jsonrpc": "2.0", "id": 1, "result": {} }',
      '{"result":{},"id":1,"jsonrpc":"2.0"}',
    ];
    for (const line of lines) expect(parseLine(line)).toEqual({ value: JSON.parse(line) });
  });

  it('with more than one result in the place of one is judged as a whole', () => {
    const lines = [
      '{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"b":2}}',
      '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
      '{"result":{"a":1},"id":7,"x":{},"jsonrpc":"2.0","id":1}',
    ];
    for (const line of lines) expect(parseLine(line)).toEqual({ value: JSON.parse(line) });
  });

  it('that is no JSON throws', () => {
    const read = (parse: () => unknown): unknown => {
      try {
        return { value: parse() };
      } catch (error) {
        if (error instanceof SyntaxError) return 'no JSON';
        throw error;
      }
    };
    const rubbish = array(constantFrom('{', '}', '"', ',', '"result":', '"jsonrpc":"2.0"', '1'));
    check(
      property(rubbish, (parts) => {
        const line = parts.join('');
        expect(read(() => parseLine(line).value)).toEqual(read(() => JSON.parse(line)));
      }),
    );
    expect(() => parseLine('{"jsonrpc":"2.0","id":1,"result":{"a"}}')).toThrow(SyntaxError);
  });
});
