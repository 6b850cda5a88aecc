"""An SMTP server that keeps each mail as a file: FOLDER/N.eml and its envelope as FOLDER/N.json.

Arguments: PORT FOLDER MODE [CERTIFICATE KEY]; MODE is plain, starttls or smtps, with +auth for a login
(user "acmetap", password from the environment). Answers come from FOLDER/answers.json, if it is there:
{"RCPT": "550 …", "DATA": "554 …"}.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def scripted(self, verb):
        try:
            with open(os.path.join(self.folder, "answers.json")) as file:
                return json.load(file).get(verb)
        except FileNotFoundError:
            return None

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.scripted("RCPT")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.scripted("DATA")
        if answer:
            return answer
        self.count += 1
        name = os.path.join(self.folder, str(self.count))
        with open(name + ".json", "w") as file:
            json.dump(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "tls": server.transport.get_extra_info("ssl_object") is not None,
                    "user": session.auth_data and session.auth_data.login.decode(),
                },
                file,
            )
        with open(name + ".part", "wb") as file:
            file.write(envelope.original_content)
        os.rename(name + ".part", name + ".eml")
        return "250 kept as %d" % self.count


def login(server, session, envelope, mechanism, data):
    good = data.login == b"acmetap" and data.password == os.environ["SMTP_TEST_PASSWORD"].encode()
    return AuthResult(success=good, handled=good, auth_data=data)


async def main():
    port, folder, mode = sys.argv[1:4]
    kind, _, auth = mode.partition("+")
    context = None
    if kind != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
    keep = Keep(folder)
    options = {"hostname": "localhost", "enable_SMTPUTF8": True}
    if auth:
        options.update(authenticator=login, auth_required=True, auth_require_tls=kind == "starttls")
    if kind == "starttls":
        options.update(tls_context=context, require_starttls=True)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keep, **options), "127.0.0.1", int(port), ssl=context if kind == "smtps" else None
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
