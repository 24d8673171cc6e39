# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title EscrowProof
@license AGPL-3.0-only
@notice What halmos proves of Escrow. This contract stands where Requests stands, and is the token too:
        one that moves what it is told. A claim that is broken ends in Panic(1), which halmos looks for.
"""

from sheaf.contracts.interfaces import IEscrow


interface Wired:
    def wire(requests: address): nonpayable


interface Machine:
    def prank(sender: address): nonpayable
    def assume(condition: bool): nonpayable


MACHINE: constant(Machine) = Machine(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D)
# The deployment code of Escrow is put here when the proof is built.
# Where sums of many amounts are compared, solvers need them shorter than the fields have room for.
LIMIT: constant(uint256) = 2**20
CODE: constant(Bytes[24576]) = x"00"
PAYER: constant(address) = 0x0000000000000000000000000000000000001001
CONTRIBUTOR: constant(address) = 0x0000000000000000000000000000000000001002
MEMBER: constant(address) = 0x0000000000000000000000000000000000001003

escrow: IEscrow
balanceOf: public(HashMap[address, uint256])


@external
def setUp():
    self.escrow = IEscrow(raw_create(CODE))
    extcall Wired(self.escrow.address).wire(self)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.balanceOf[owner] = unsafe_sub(self.balanceOf[owner], amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] = unsafe_sub(self.balanceOf[msg.sender], amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    return True


@external
def check_settling_conserves(
    amount: uint256,
    fee: uint256,
    reserved: uint256,
    fee_reserved: uint256,
    bond: uint256,
    other: uint256,
    other_bond: uint256,
    taken: uint256,
    fee_taken: uint256,
    pay: uint256,
):
    """
    @notice Whatever is deposited, reserved and settled, each ledger keeps or gives exactly what it had, another reservation is
            untouched, and the balance covers all ledgers and all that is owed.
    """
    extcall MACHINE.assume(amount < LIMIT and fee < LIMIT and bond < LIMIT and other_bond < LIMIT and pay < LIMIT)
    self._reserve(amount, fee, reserved, fee_reserved, bond)
    extcall self.escrow.reserve(1, other, 0, CONTRIBUTOR, other_bond)
    rest: uint256 = unsafe_sub(unsafe_add(unsafe_add(taken, fee_taken), bond), pay)
    extcall self.escrow.settle(
        1,
        IEscrow.Settlement(
            reserved=reserved,
            fee_reserved=fee_reserved,
            bond=bond,
            payment_taken=taken,
            fee_taken=fee_taken,
            pays=[IEscrow.Pay(account=CONTRIBUTOR, amount=pay), IEscrow.Pay(account=MEMBER, amount=rest)],
        ),
    )
    held: IEscrow.Ledger = staticcall self.escrow.ledger(1)
    self._claim(held.reserved == other and held.fee_reserved == 0 and held.bonds == other_bond)
    self._claim(unsafe_add(unsafe_add(held.free, other), taken) == amount)
    self._claim(unsafe_add(held.fee_free, fee_taken) == fee)
    owed: uint256 = unsafe_add(self._owed(CONTRIBUTOR), self._owed(MEMBER))
    self._claim(owed == unsafe_add(unsafe_add(taken, fee_taken), bond))
    self._claim(self._total(held) + owed == self.balanceOf[self.escrow.address])


@external
def check_releasing_conserves(amount: uint256, fee: uint256, reserved: uint256, fee_reserved: uint256, bond: uint256):
    """
    @notice Undoing a reservation leaves the ledgers as they were before it, and the bond owed to who gave it.
    """
    self._reserve(amount, fee, reserved, fee_reserved, bond)
    extcall self.escrow.release(1, reserved, fee_reserved, CONTRIBUTOR, bond)
    held: IEscrow.Ledger = staticcall self.escrow.ledger(1)
    self._claim(held.free == amount and held.fee_free == fee)
    self._claim(held.reserved == 0 and held.fee_reserved == 0 and held.bonds == 0)
    self._claim(self._owed(CONTRIBUTOR) == bond)
    self._claim(self._total(held) + bond == self.balanceOf[self.escrow.address])


@external
def check_reserved_cannot_be_refunded(amount: uint256, fee: uint256, reserved: uint256, fee_reserved: uint256, bond: uint256):
    """
    @notice A refund pays exactly what is free and leaves exactly what is reserved, and the bonds.
    """
    extcall MACHINE.assume(amount < LIMIT and fee < LIMIT and bond < LIMIT)
    self._reserve(amount, fee, reserved, fee_reserved, bond)
    before: uint256 = self.balanceOf[PAYER]
    extcall self.escrow.refund(1, PAYER)
    held: IEscrow.Ledger = staticcall self.escrow.ledger(1)
    self._claim(held.free == 0 and held.fee_free == 0)
    self._claim(held.reserved == reserved and held.fee_reserved == fee_reserved and held.bonds == bond)
    paid: uint256 = unsafe_sub(unsafe_sub(unsafe_add(amount, fee), reserved), fee_reserved)
    self._claim(unsafe_sub(self.balanceOf[PAYER], before) == paid)
    self._claim(self._total(held) == self.balanceOf[self.escrow.address])


@external
def check_nobody_is_paid_twice(amount: uint256, bond: uint256):
    """
    @notice A withdrawal pays exactly what is owed; a second one fails.
    """
    self._reserve(amount, 0, amount, 0, bond)
    extcall self.escrow.release(1, amount, 0, CONTRIBUTOR, bond)
    before: uint256 = self.balanceOf[CONTRIBUTOR]
    extcall MACHINE.prank(CONTRIBUTOR)
    extcall self.escrow.withdraw(self)
    self._claim(unsafe_sub(self.balanceOf[CONTRIBUTOR], before) == bond)
    extcall MACHINE.prank(CONTRIBUTOR)
    is_paid: bool = raw_call(
        self.escrow.address,
        abi_encode(self, method_id=method_id("withdraw(address)")),
        revert_on_failure=False,
    )
    self._claim(not is_paid)


@external
def check_two_calls_of_an_outsider_move_nothing(
    outsider: address, first: uint256, second: uint256, a: address, b: address, x: uint256[8]
):
    """
    @notice No two calls to Escrow, with any arguments, by an account that is neither Requests nor owed anything, change a ledger,
            what anybody is owed, or the balance. Which amounts stand there makes no difference to who may move them.
    """
    extcall MACHINE.assume(outsider != self and outsider != self.escrow.address)
    extcall MACHINE.assume(outsider != CONTRIBUTOR and outsider != MEMBER)
    self._reserve(1000, 25, 104, 2, 24)
    extcall self.escrow.reserve(1, 10, 0, CONTRIBUTOR, 3)
    extcall self.escrow.settle(
        1,
        IEscrow.Settlement(
            reserved=10,
            fee_reserved=0,
            bond=3,
            payment_taken=10,
            fee_taken=0,
            pays=[IEscrow.Pay(account=MEMBER, amount=13)],
        ),
    )
    self._call(outsider, first, a, b, x[0], x[1], x[2], x[3])
    self._call(outsider, second, b, a, x[4], x[5], x[6], x[7])
    held: IEscrow.Ledger = staticcall self.escrow.ledger(1)
    self._claim(held.free == 886 and held.reserved == 104 and held.fee_free == 23)
    self._claim(held.fee_reserved == 2 and held.bonds == 24)
    self._claim(self._owed(MEMBER) == 13 and self._owed(outsider) == 0)
    self._claim(self.balanceOf[self.escrow.address] == 886 + 104 + 23 + 2 + 24 + 13)


@internal
def _call(sender: address, function: uint256, a: address, b: address, x: uint256, y: uint256, z: uint256, v: uint256):
    # Every function of Escrow that is no view; there is no other door, as it has no default function.
    data: Bytes[2048] = abi_encode(a, method_id=method_id("wire(address)"))
    if function == 1:
        data = abi_encode(x, a, b, y, z, method_id=method_id("deposit(uint256,address,address,uint256,uint256)"))
    elif function == 2:
        data = abi_encode(x, y, z, a, v, method_id=method_id("reserve(uint256,uint256,uint256,address,uint256)"))
    elif function == 3:
        data = abi_encode(x, y, z, a, v, method_id=method_id("release(uint256,uint256,uint256,address,uint256)"))
    elif function == 4:
        data = abi_encode(x, a, method_id=method_id("refund(uint256,address)"))
    elif function == 5:
        data = abi_encode(
            x,
            IEscrow.Settlement(
                reserved=y,
                fee_reserved=0,
                bond=z,
                payment_taken=v,
                fee_taken=0,
                pays=[IEscrow.Pay(account=a, amount=v)],
            ),
            method_id=method_id("settle(uint256,(uint256,uint256,uint256,uint256,uint256,(address,uint256)[]))"),
        )
    elif function == 6:
        data = abi_encode(a, method_id=method_id("withdraw(address)"))
    elif function == 7:
        data = abi_encode(a, b, method_id=method_id("withdraw_for(address,address)"))
    extcall MACHINE.prank(sender)
    is_done: bool = raw_call(self.escrow.address, data, revert_on_failure=False)


@internal
def _reserve(amount: uint256, fee: uint256, reserved: uint256, fee_reserved: uint256, bond: uint256):
    extcall self.escrow.deposit(1, self, PAYER, amount, fee)
    extcall self.escrow.reserve(1, reserved, fee_reserved, CONTRIBUTOR, bond)


@view
@internal
def _owed(account: address) -> uint256:
    return staticcall self.escrow.owed(self, account)


@pure
@internal
def _total(held: IEscrow.Ledger) -> uint256:
    return unsafe_add(
        unsafe_add(unsafe_add(held.free, held.reserved), unsafe_add(held.fee_free, held.fee_reserved)),
        held.bonds,
    )


@pure
@internal
def _claim(is_true: bool):
    if not is_true:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))
