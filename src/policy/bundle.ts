/** Everything a policy is made from, so that another thread, another machine or the record can make it again. */
export interface PolicyBundle {
  /** Absolute path of the policy's file; for messages. */
  readonly file: string
  readonly text: string
  /** Text of each file that `lists` names, by the path as it is written there. */
  readonly files: Readonly<Record<string, string>>
}
