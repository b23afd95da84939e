export function answer(message: string): string {
  return `echo ${message}`;
}
