// Waiting for room in the rings.
#include "controlplane/order_box.h"

#include "crypto/base/secret.h"

namespace cp {

OrderBox::~OrderBox() {
  for (std::deque<Letter>& queue : waiting_)
    for (Letter& letter : queue) crypto::secure_zero(letter.child.keymat);
}

bool OrderBox::send(unsigned worker, Letter& letter) {
  dp::Order* order = workers_.claim_order(worker);
  if (order == nullptr) return false;
  order->kind = letter.kind;
  order->path = letter.path;
  order->spi_r = letter.spi_r;
  order->child = letter.child;
  order->message_len = 0;
  workers_.send_order(worker);
  crypto::secure_zero(letter.child.keymat);
  return true;
}

bool OrderBox::post(unsigned worker, Letter& letter) {
  if (waiting_.size() <= worker) waiting_.resize(worker + 1);
  std::deque<Letter>& queue = waiting_[worker];
  if (queue.empty() && send(worker, letter)) return true;
  queue.push_back(letter);
  crypto::secure_zero(letter.child.keymat);
  return false;
}

void OrderBox::flush() {
  for (unsigned worker = 0; worker < waiting_.size(); ++worker) {
    std::deque<Letter>& queue = waiting_[worker];
    while (!queue.empty() && send(worker, queue.front())) queue.pop_front();
  }
}

std::size_t OrderBox::waiting() const {
  std::size_t count = 0;
  for (const std::deque<Letter>& queue : waiting_) count += queue.size();
  return count;
}

}  // namespace cp
