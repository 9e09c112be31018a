-- One row is a line of a receipt. 10:30 in a comment is no parameter, and 5 % is no placeholder.
SELECT * FROM sale_lines WHERE note <> 'void at 10:30, 5 %';
