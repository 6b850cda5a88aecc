"""A real SMTP server with STARTTLS (RFC 3207): certificate file, key file. Says its port."""
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1], sys.argv[2])
controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[3]), tls_context=context)
controller.start()
while True:
    time.sleep(60)
