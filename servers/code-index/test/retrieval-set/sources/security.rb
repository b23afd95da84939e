require 'openssl'
require 'securerandom'

module Security
  ITERATIONS = 200_000

  # Salted, slow on purpose.
  def self.hash_password(password, salt = SecureRandom.hex(16))
    digest = OpenSSL::KDF.pbkdf2_hmac(password, salt: salt, iterations: ITERATIONS, length: 32, hash: 'SHA256')
    "#{salt}$#{digest.unpack1('H*')}"
  end

  def self.generate_token(bytes = 32)
    SecureRandom.urlsafe_base64(bytes)
  end

  def self.encrypt(plain, key)
    cipher = OpenSSL::Cipher.new('aes-256-gcm').encrypt
    cipher.key = key
    iv = cipher.random_iv
    [iv, cipher.update(plain) + cipher.final, cipher.auth_tag]
  end

  def self.valid_credit_card?(number)
    sum = number.delete('^0-9').reverse.chars.each_with_index.sum do |digit, index|
      value = digit.to_i * (index.odd? ? 2 : 1)
      value > 9 ? value - 9 : value
    end
    (sum % 10).zero?
  end

  def self.redact(params, keys = %w[password token secret])
    params.to_h { |name, value| [name, keys.include?(name.to_s) ? '[FILTERED]' : value] }
  end
end
