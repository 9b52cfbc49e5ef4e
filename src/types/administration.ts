export const auditEventTypes = ['all', 'checkpoints', 'projects', 'teams', 'organizations'] as const;
export type AuditEventType = (typeof auditEventTypes)[number];
