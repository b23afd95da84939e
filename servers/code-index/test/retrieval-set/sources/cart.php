<?php

final class Cart
{
    private array $lines = [];

    public function addItem(string $sku, int $quantity, int $unitPrice): void
    {
        $this->lines[$sku]['quantity'] = ($this->lines[$sku]['quantity'] ?? 0) + $quantity;
        $this->lines[$sku]['price'] = $unitPrice;
    }

    public function subtotal(): int
    {
        return array_sum(array_map(fn ($line) => $line['quantity'] * $line['price'], $this->lines));
    }

    public function applyCoupon(string $code, array $discounts): int
    {
        $percent = $discounts[$code] ?? throw new InvalidArgumentException('unknown coupon');
        return intdiv($this->subtotal() * (100 - $percent), 100);
    }

    public function shippingCost(float $weight, string $country): int
    {
        $base = $country === 'DE' ? 490 : 1490;
        return $weight > 5 ? $base + (int) ceil(($weight - 5) * 100) : $base;
    }
}

function format_money(int $cents, string $currency = 'EUR'): string
{
    return number_format($cents / 100, 2, ',', '.') . ' ' . $currency;
}
