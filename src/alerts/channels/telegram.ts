import { cut } from '../render/visible.ts'
import { type Answer, below, type HttpService, JSON_FIELDS } from './channel.ts'
import { escapeAngles, withoutMentions } from './layout.ts'

interface TelegramSettings {
  readonly url: string
  readonly token: string
  readonly chat: string
}

/** Bot API of Telegram, `sendMessage`. 4096 characters after its HTML was read. */
export function telegram({ url, token, chat }: TelegramSettings): HttpService {
  return {
    requests({ title, text, notification }) {
      const html = (plain: string, most: number) => escapeAngles(cut(withoutMentions(plain), most))
      const body = {
        chat_id: chat,
        text: `<b>${html(title, 300)}</b>\n${html(text, 3700)}`,
        parse_mode: 'HTML',
        link_preview_options: { is_disabled: true },
        disable_notification: notification.severity === 'info',
      }
      return [
        { url: below(url, `/bot${token}/sendMessage`), fields: JSON_FIELDS, body: JSON.stringify(body) },
      ]
    },
    secrets: [token],
    isAboutUs: ({ body }) =>
      /chat not found|chat_id is empty|bot was|PEER_ID_INVALID|upgraded to a supergroup/i.test(body),
    waitIn: retryAfterIn,
  }
}

/** `{"parameters":{"retry_after":35}}`. */
function retryAfterIn({ body }: Answer): number | null {
  const [, seconds] = /"retry_after":\s*(\d{1,6})/.exec(body) ?? []
  return seconds === undefined ? null : Number(seconds)
}
