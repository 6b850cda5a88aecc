"""python3-acme as a program would use it: python-acme.py issue|revoke|deactivate METHOD NAME[,NAME…] (see library-client.ts)."""
import os
import subprocess
import sys

import josepy
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
import OpenSSL

VERB, METHOD, NAMES = sys.argv[1:]
FOLDER = os.environ['ACME_FOLDER']
WEBROOT = os.path.join(os.environ['HOOK_WEBROOT'], '.well-known', 'acme-challenge')


def path(name):
    return os.path.join(FOLDER, name)


def new_key(file):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(file, 'wb') as out:
        out.write(pem)
    return pem


def account():
    known = os.path.exists(path('account.pem'))
    pem = open(path('account.pem'), 'rb').read() if known else new_key(path('account.pem'))
    key = josepy.JWKRSA(key=serialization.load_pem_private_key(pem, None))
    net = client.ClientNetwork(key, user_agent='acmetap-test-python/1')
    directory = client.ClientV2.get_directory(os.environ['ACME_DIRECTORY'], net)
    acme = client.ClientV2(directory, net)
    binding = {}
    if 'ACME_EAB_KID' in os.environ:
        binding['external_account_binding'] = messages.ExternalAccountBinding.from_data(
            key.public_key(), os.environ['ACME_EAB_KID'], os.environ['ACME_EAB_MAC'], directory)
    try:
        net.account = acme.new_account(
            messages.NewRegistration.from_data(terms_of_service_agreed=True, **binding))
    except errors.ConflictError as conflict:
        net.account = messages.RegistrationResource(uri=conflict.location, body=messages.Registration())
    return acme, key


def hook(*args):
    subprocess.run(['sh', os.environ['HOOK'], *args], check=True)


def answer(acme, key, authorization):
    name = authorization.body.identifier.value
    kind = {'http-01': challenges.HTTP01, 'dns-01': challenges.DNS01}[METHOD]
    chosen = next(one for one in authorization.body.challenges if isinstance(one.chall, kind))
    response, validation = chosen.response_and_validation(key)
    if METHOD == 'http-01':
        with open(os.path.join(WEBROOT, chosen.chall.encode('token')), 'w') as out:
            out.write(validation)
    else:
        hook('present', chosen.chall.validation_domain_name(name) + '.', validation)
    acme.answer_challenge(chosen, response)


def issue():
    acme, key = account()
    csr = crypto_util.make_csr(new_key(path('domain.key')), NAMES.split(','))
    order = acme.new_order(csr)
    for authorization in order.authorizations:
        if authorization.body.status != messages.STATUS_VALID:
            answer(acme, key, authorization)
    order = acme.poll_and_finalize(order)
    with open(path('certificate.pem'), 'w') as out:
        out.write(order.fullchain_pem)


def revoke():
    acme, _ = account()
    pem = open(path('certificate.pem'), 'rb').read()
    certificate = OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, pem)
    acme.revoke(josepy.ComparableX509(certificate), 4)


def deactivate():
    acme, _ = account()
    acme.deactivate_registration(acme.net.account)


{'issue': issue, 'revoke': revoke, 'deactivate': deactivate}[VERB]()
