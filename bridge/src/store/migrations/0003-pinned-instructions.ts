// A server's instructions are pinned as its tools are: they go into every model's context.

export const up = `
alter table pins drop constraint pins_kind_check;
alter table pins add constraint pins_kind_check
  check (kind in ('tool', 'prompt', 'resource', 'resource_template', 'instructions'));
`;

export const down = `
delete from pins where kind = 'instructions';
alter table pins drop constraint pins_kind_check;
alter table pins add constraint pins_kind_check
  check (kind in ('tool', 'prompt', 'resource', 'resource_template'));
`;
