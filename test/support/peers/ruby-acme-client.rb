# ruby acme-client as a program would use it: ruby-acme-client.rb issue|revoke|roll-key|deactivate METHOD NAME (see library-client.ts).
require 'acme-client'
require 'openssl'

verb, method, name = ARGV
at_exit { warn("#{$!.class}: #{$!.message}") || exit!(1) if $!.is_a?(StandardError) }
FOLDER = ENV.fetch('ACME_FOLDER')

def file(name) = File.join(FOLDER, name)

def kept_key(name)
  return OpenSSL::PKey::RSA.new(File.read(file(name))) if File.exist?(file(name))

  OpenSSL::PKey::RSA.new(2048).tap { |key| File.write(file(name), key.to_pem) }
end

def settle(object, done)
  50.times do
    return if object.status == done
    raise "#{object.class} is #{object.status}" if object.status == 'invalid'

    sleep 0.2
    object.reload
  end
  raise "#{object.class} is #{object.status} still"
end

def answer(challenge, kind, name)
  if kind == 'http-01'
    File.write(File.join(ENV.fetch('HOOK_WEBROOT'), challenge.filename), challenge.file_content)
  else
    record = "#{challenge.record_name}.#{name}."
    system('sh', ENV.fetch('HOOK'), 'present', record, challenge.record_content, exception: true)
  end
  challenge.request_validation
  settle(challenge, 'valid')
end

client = Acme::Client.new(private_key: kept_key('account.pem'), directory: ENV.fetch('ACME_DIRECTORY'))
client.new_account(contact: 'mailto:operator@example.test', terms_of_service_agreed: true)
case verb
when 'issue'
  order = client.new_order(identifiers: [name])
  order.authorizations.each do |authorization|
    next if authorization.status == 'valid'

    answer(method == 'http-01' ? authorization.http : authorization.dns, method, ENV.fetch('ACME_BASE_NAME'))
  end
  order.reload
  settle(order, 'ready')
  csr = Acme::Client::CertificateRequest.new(private_key: OpenSSL::PKey::RSA.new(2048), names: [name])
  order.finalize(csr: csr)
  settle(order, 'valid')
  File.write(file('certificate.pem'), order.certificate)
when 'revoke'
  client.revoke(certificate: File.read(file('certificate.pem')))
when 'roll-key'
  key = OpenSSL::PKey::RSA.new(2048)
  client.account_key_change(new_private_key: key)
  File.write(file('account.pem'), key.to_pem)
when 'deactivate'
  client.account_deactivate
end
