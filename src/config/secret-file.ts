/** A file that holds a secret, with the path to complain under. */
export interface SecretFile {
  readonly path: readonly (string | number)[]
  readonly file: string
  readonly what: string
}
