// Sealing, opening, splitting and joining protected messages, one at a time.
#include "ike/sk_fragment.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "ike/sk_payload.h"

namespace ike {
namespace {

constexpr std::size_t kBlockLen = 16;
constexpr std::size_t kSkHeaderLen = 4;
constexpr std::size_t kSkfHeaderLen = 8;  // with fragment number and total

// Octets of inner payloads that one message of `message_max` octets takes behind a SK or SKF header
// of `generic_len` octets.
std::size_t room_for_inner(const Suite& suite, std::size_t generic_len, std::size_t message_max) {
  const std::size_t fixed = kHeaderLen + generic_len + iv_len(suite) + icv_len(suite);
  if (message_max <= fixed) return 0;
  std::size_t text = message_max - fixed;
  if (!is_aead(suite.encr)) text -= text % kBlockLen;
  return text == 0 ? 0 : text - 1;  // Pad Length is always there.
}

std::size_t seal(const SkSender& sender, const Header& header, SkBuilder::Fragment fragment,
                 PayloadType first_inner, crypto::Bytes inner, crypto::MutBytes out) {
  SkBuilder builder(out, header, sender.suite, fragment);
  builder.inner(first_inner, inner);
  std::array<std::uint8_t, 16> octets;
  const crypto::MutBytes iv = crypto::MutBytes(octets).first(iv_len(sender.suite));
  if (is_aead(sender.suite.encr)) {
    crypto::store_be64(iv.data(), ++sender.tx_counter);
  } else {
    sender.random.fill(iv);
  }
  const std::size_t len = builder.finish(iv);
  if (len != 0) seal_sk(sender.engine, sender.suite, sender.sk_e, sender.sk_a, out.first(len));
  return len;
}

}  // namespace

std::size_t seal_message(const SkSender& sender, const Header& header, PayloadType first_inner,
                         crypto::Bytes inner, crypto::MutBytes out) {
  return seal(sender, header, {}, first_inner, inner, out);
}

std::size_t fragment_count(const Suite& suite, std::size_t inner_len, std::size_t message_max) {
  const std::size_t whole = room_for_inner(suite, kSkHeaderLen, message_max);
  if (whole != 0 && inner_len <= whole) return 1;
  const std::size_t room = room_for_inner(suite, kSkfHeaderLen, message_max);
  if (room == 0) return 0;
  const std::size_t count = (inner_len + room - 1) / room;
  return count <= kFragmentsMax ? count : 0;
}

std::size_t seal_fragment(const SkSender& sender, const Header& header, PayloadType first_inner,
                          crypto::Bytes inner, std::size_t message_max, std::size_t number,
                          crypto::MutBytes out) {
  const std::size_t total = fragment_count(sender.suite, inner.size(), message_max);
  CHECK(number >= 1 && number <= total);
  if (total == 1) return seal_message(sender, header, first_inner, inner, out);
  const std::size_t room = room_for_inner(sender.suite, kSkfHeaderLen, message_max);
  const crypto::Bytes rest = inner.subspan((number - 1) * room);
  // RFC 7383 §2.5: only the first fragment tells a type.
  return seal(
      sender, header, {static_cast<std::uint16_t>(number), static_cast<std::uint16_t>(total)},
      number == 1 ? first_inner : PayloadType::none, rest.first(std::min(room, rest.size())), out);
}

Reassembler::Outcome Reassembler::add(MessageId id, std::uint16_t number, std::uint16_t total,
                                      PayloadType first_inner, crypto::Bytes inner) {
  CHECK(number >= 1 && number <= total);  // find_sk() saw to it.
  if (total > kFragmentsMax) return Outcome::too_many;
  if (count_ != 0 && id == id_ && total < total_) return Outcome::stale;
  if (id != id_ || total != total_) reset();
  Piece& piece = pieces_[number - 1];
  if (piece.there) return Outcome::duplicate;
  if (inner.size() > memory_.size() - used_) {
    reset();
    return Outcome::too_long;
  }
  if (!inner.empty()) std::memcpy(memory_.data() + used_, inner.data(), inner.size());
  piece = {static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(inner.size()), true};
  used_ += inner.size();
  ++count_;
  id_ = id;
  total_ = total;
  if (number == 1) first_inner_ = first_inner;
  return count_ == total_ ? Outcome::complete : Outcome::stored;
}

std::size_t Reassembler::join(crypto::MutBytes out, PayloadType& first_inner) {
  if (count_ == 0 || count_ != total_) return 0;
  crypto::ByteWriter writer(out);
  for (const Piece& piece : std::span(pieces_).first(total_))
    writer.bytes(memory_.subspan(piece.at, piece.len));
  first_inner = first_inner_;
  const std::size_t len = writer.ok() ? writer.size() : 0;
  reset();
  return len;
}

void Reassembler::reset() {
  crypto::secure_zero(memory_.first(used_));
  pieces_.fill({});
  used_ = count_ = 0;
  total_ = 0;
  id_ = MessageId();
  first_inner_ = PayloadType::none;
}

namespace {

SkOutcome failed(SkOutcome outcome, ParseError error, OpenedMessage& out) {
  out.error = error;
  return outcome;
}

SkOutcome take_fragment(const Header& header, const SkView& sk, crypto::Bytes piece,
                        Reassembler& reassembler, crypto::MutBytes plaintext, OpenedMessage& out) {
  switch (reassembler.add(header.message_id, sk.fragment_number, sk.fragment_total, sk.first_inner,
                          piece)) {
    case Reassembler::Outcome::stored:
      return SkOutcome::stored;
    case Reassembler::Outcome::complete: {
      const std::size_t len = reassembler.join(plaintext, out.first_inner);
      out.inner = plaintext.first(len);
      return SkOutcome::opened;
    }
    case Reassembler::Outcome::duplicate:
    case Reassembler::Outcome::stale:
    case Reassembler::Outcome::too_many:
    case Reassembler::Outcome::too_long:
      return SkOutcome::redundant;
  }
  return SkOutcome::redundant;
}

}  // namespace

SkOutcome open_message(const SkReceiver& receiver, crypto::Bytes message, const Header& header,
                       Reassembler* reassembler, crypto::MutBytes plaintext, OpenedMessage& out) {
  out = {};
  SkView sk;
  ParseError e = find_sk(message, header, receiver.suite, sk);
  if (e != ParseError::none) return failed(SkOutcome::dropped, e, out);
  out.is_fragment = sk.fragment;
  out.fragment_number = sk.fragment_number;
  if (sk.fragment && reassembler == nullptr) return SkOutcome::dropped;
  CHECK(plaintext.size() >= (sk.fragment ? kReassembledMax : sk.ciphertext.size()));
  if (!open_sk(receiver.engine, receiver.suite, receiver.sk_e, receiver.sk_a, sk, plaintext.data()))
    return SkOutcome::dropped;
  crypto::Bytes inner;
  e = strip_padding(plaintext.first(sk.ciphertext.size()), inner);
  if (e != ParseError::none) return failed(SkOutcome::malformed, e, out);
  if (sk.fragment) return take_fragment(header, sk, inner, *reassembler, plaintext, out);
  out.first_inner = sk.first_inner;
  out.inner = inner;
  return SkOutcome::opened;
}

}  // namespace ike
