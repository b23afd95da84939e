export type Redact = (text: string) => string;
